"""dgops pod, at a double whose pods run on paper."""

import json

import pytest

from dgops.errors import DgopsError, LossError, UnreachableError, UsageError
from dgops.jobs import memory
from dgops.jobs.job import Output

CREATE = ("--gpu", "RTX 5090,RTX 4090", "--env", "cu121", "--key", "key.pub", "--wait", "0")


def test_offers(dgops):
    code, out, _ = dgops("pod", "offers", "--env", "cu121")
    assert code == 0
    assert "RTX 5090: not cu121: no code for sm_120" in out
    code, out, _ = dgops("pod", "offers", "--gpu", "RTX 5090", "--env", "cu121", "--json")
    assert code == 1
    (offer,) = json.loads(out)["offers"]
    assert offer["profiles"]["cu121"]["ok"] is False
    assert "sm_120" in offer["profiles"]["cu121"]["reason"]
    assert all(
        one["price"] <= 0.3 for one in json.loads(dgops("pod", "offers", "--max-price", "0.3", "--json")[1])["offers"]
    )


def test_a_whole_life(double, dgops):
    code, out, err = dgops("pod", "create", "one", *CREATE)
    assert (code, "RTX 4090" in out) == (0, True)
    (pod,) = double.cloud.pods
    double.settle(pod)
    code, out, _ = dgops("pod", "create", "one", *CREATE, "--json")
    assert json.loads(out)["pod"]["id"] == pod
    assert "0.69 $ an hour" in dgops("pod", "list")[1]
    _, out, err = dgops("pod", "show", "one")
    assert "SHA256:" + "a" * 43 in out
    assert "dgops hosts add one 'ssh root@127.0.0.1 -p" in err
    assert json.loads(dgops("pod", "stop", "one", "--json")[1])["pod"]["status"] == "EXITED"
    assert "exited already" in dgops("pod", "stop", "one")[2]
    dgops("pod", "start", "one", "--wait", "0")
    double.settle(pod)
    assert "running already" in dgops("pod", "start", "one", "--wait", "0")[2]
    assert "terminated" in dgops("pod", "terminate", "one")[1]
    assert (double.cloud.pods, list(memory_of_pods())) == ({}, [])


def memory_of_pods():
    from pathlib import Path

    return Path("state/pods/127.0.0.1").glob("*.json")


def test_nothing_there(double, dgops):
    assert json.loads(dgops("pod", "list", "--json")[1]) == {"ok": True, "cost_per_hour": 0, "pods": []}
    assert dgops("pod", "volumes")[1] == ""
    double.cloud.create_volume({"name": "models", "size": 20, "dataCenter": "US-KS-2"})
    assert "models" in dgops("pod", "volumes")[1]
    assert json.loads(dgops("pod", "volumes", "--json")[1])["volumes"][0]["size_gb"] == 20
    for command in ("show", "start", "stop", "terminate"):
        with pytest.raises(UsageError, match="no pod is called one"):
            dgops("pod", command, "one")


def test_outputs_that_are_not_home_stop_an_end(double, dgops, tmp_path):
    pod = double.rent(name="dgops-one")
    spec = {"id": "0" * 32, "kind": "script", "label": "train", "created": "", "attest": {}}
    memory.keep(tmp_path / "state", "one", spec, [Output("results", tmp_path)])
    for command in ("stop", "terminate"):
        with pytest.raises(LossError, match="results"):
            dgops("pod", command, "one")
        with pytest.raises(LossError, match="results"):
            dgops("pod", command, "one", "--discard")
    assert double.cloud.pods[pod].status == "RUNNING"
    dgops("pod", "terminate", "one", "--yes-discard", "one")
    assert not double.cloud.pods


def test_a_mapped_pod_that_nobody_can_look_at_is_not_ended(double, dgops, tmp_path):
    double.rent(name="dgops-one")
    keys = {"name": "api", "host": "one", "host_path": "/app", "repo": ".", "local_path": "app"}
    (tmp_path / "dgops.toml").write_text("[[sync.map]]\n" + "".join(f'{key} = "{one}"\n' for key, one in keys.items()))
    with pytest.raises(LossError, match="in no inventory"):
        dgops("pod", "terminate", "one")
    assert double.cloud.pods


def test_reconcile(double, dgops):
    pod = double.rent(name="dgops-lost")
    code, _, err = dgops("pod", "reconcile")
    assert (code, f"dgops pod terminate {pod}" in err) == (1, True)
    assert json.loads(dgops("pod", "reconcile", "--json")[1])["strangers"][0]["id"] == pod
    dgops("pod", "terminate", pod)
    assert dgops("pod", "reconcile")[0] == 0


def standing_of(dgops, name="one"):
    (pod,) = (one for one in json.loads(dgops("pod", "list", "--json")[1])["pods"] if one["short"] == name)
    assert json.loads(dgops("pod", "show", name, "--json")[1])["pod"]["state"] == pod["state"]
    return pod["state"], pod["why"] or "", pod["next"] or ""


def test_a_list_says_what_is(double, dgops):
    dgops("pod", "create", "one", *CREATE, "--spot")
    (pod,) = double.cloud.pods
    double.settle(pod)
    assert standing_of(dgops) == ("running", "", "")
    assert "0.34 spot" in dgops("pod", "list")[1]
    double.ask("POST", f"/control/pods/{pod}/evict")
    word, why, following = standing_of(dgops)
    assert (word, following) == ("outbid", "dgops pod start one")
    assert f"one  outbid: {why}; next: {following}" in dgops("pod", "list")[2]
    double.cloud.balance = 0.0
    assert standing_of(dgops)[0] == "no balance"
    double.cloud.balance = 9.0
    double.cloud.faults.set({"zero_gpu": 1})
    dgops("pod", "start", "one", "--wait", "0")
    double.settle(pod)
    assert standing_of(dgops)[0] == "no GPU"
    dgops("pod", "stop", "one")
    assert standing_of(dgops)[:2] == ("stopped", "")


def test_a_moved_pod_is_found_by_its_name(double, dgops):
    dgops("pod", "create", "one", *CREATE)
    (pod,) = double.cloud.pods
    double.settle(pod)
    moved = double.cloud.migrate(pod).id
    double.settle(moved)
    assert f"one  is another pod now: {moved}" in dgops("pod", "logs", "one")[2]
    assert pod in standing_of(dgops)[1]
    dgops("pod", "terminate", "one")
    assert double.cloud.ledger()["billing"] == []


def test_a_pod_that_the_balance_ended_is_told(double, dgops):
    dgops("pod", "create", "one", *CREATE)
    dgops("pod", "list")
    double.cloud.set_balance(0)
    assert "one  is rented no more" in (said := dgops("pod", "list")[2])
    assert "the balance is used up" in said


def test_nobody_answers(double, dgops, monkeypatch):
    from dgops.pods.runpod import session

    monkeypatch.setattr(session, "NOBODY", 0.2)
    dgops("pod", "create", "one", *CREATE)
    (pod,) = double.cloud.pods
    double.settle(pod)
    dgops("pod", "list")
    monkeypatch.setenv("DGOPS_RUNPOD_URL", "http://127.0.0.1:9")
    code, out, err = dgops("pod", "list")
    assert (code, "running" in out) == (3, True)
    assert "RunPod does not answer" in err
    assert "s ago" in err
    code, out, _ = dgops("pod", "show", "one", "--json")
    assert (code, json.loads(out)["ok"], json.loads(out)["age_s"] < 600) == (3, False, True)
    with pytest.raises(UnreachableError):
        dgops("pod", "show", "two")


def test_every_command_names_what_nobody_asked_for(double, dgops):
    pod = double.rent(name="dgops-lost")
    for words in (("list",), ("costs",), ("create", "one", *CREATE)):
        assert f"dgops pod terminate {pod}" in dgops("pod", *words)[2]


def test_a_start_without_a_gpu_is_told(double, dgops, monkeypatch):
    from dgops.pods import access, ready

    monkeypatch.setattr(ready, "answers", lambda _endpoint: True)
    monkeypatch.setattr(access.Door, "enter", lambda _self, _pod: None)
    pod = double.rent(name="dgops-one")
    dgops("pod", "stop", "one")
    double.cloud.faults.set({"zero_gpu": 1})
    with pytest.raises(DgopsError, match="without a GPU"):
        dgops("pod", "start", "one", "--wait", "20")
    assert double.cloud.pods[pod].status == "RUNNING"


def test_a_restart_is_of_what_runs(double, dgops):
    pod = double.rent(name="dgops-one")
    first = double.cloud.pods[pod].port
    dgops("pod", "restart", "one", "--wait", "0")
    double.settle(pod)
    assert double.cloud.pods[pod].port != first
    dgops("pod", "stop", "one")
    with pytest.raises(DgopsError, match="only a running pod restarts"):
        dgops("pod", "restart", "one")


def test_ssh_goes_by_the_keys_that_the_pod_printed(double, dgops, monkeypatch):
    from dgops.pods import access
    from dgops.transport import session

    pod, ran = double.rent(name="dgops-one"), []
    monkeypatch.setattr(access, "pin", lambda _provider, found, *_more: ran.append(found.id))
    monkeypatch.setattr(session, "run", lambda host, _settings, command: ran.append((host.alias, command)) or 7)
    assert dgops("pod", "ssh", "one", "--", "ls", "-l")[0] == 7
    assert ran == [pod, (f"runpod-{pod}", ("ls", "-l"))]


def test_what_pods_have_cost(double, dgops):
    pod = double.rent(name="dgops-one")
    later = double.cloud.pods[pod].created + 7200
    double.cloud.clock = lambda: later
    code, out, _ = dgops("pod", "costs")
    assert (code, out.splitlines()[1].split()) == (0, ["one", pod, "1.38", "0.00", "1.38"])
    assert "100.00 $ left, 0.69 $ an hour, for 144.9 hours" in out
    double.cloud.terminate(pod)
    found = json.loads(dgops("pod", "costs", "--json")[1])
    assert (found["pods"][0]["pod_id"], found["balance"]["per_hour"]) == (pod, 0)
    assert "gone" in dgops("pod", "costs")[1]


def test_what_a_pod_printed(double, dgops, monkeypatch):
    from dgops.cli import pod_logs

    monkeypatch.setattr(pod_logs, "QUIET", 0.5)
    double.rent(name="dgops-one")
    assert dgops("pod", "logs", "one")[1].splitlines()[-1] == "started"


def test_a_spot_pod(double, dgops):
    offer = json.loads(dgops("pod", "offers", "--gpu", "RTX 4090", "--json", "--cloud", "community")[1])["offers"][0]
    assert (offer["price"], offer["spot_price"]) == (0.34, 0.17)
    dgops("pod", "create", "one", *CREATE, "--spot")
    (pod,) = double.cloud.pods.values()
    assert (pod.bid, pod.body["name"]) == (0.345, "dgops-one")
    with pytest.raises(UsageError, match="secure cloud only"):
        dgops("pod", "create", "two", *CREATE, "--volume", "v", "--cloud", "community")
    dgops("pod", "create", "two", *CREATE, "--cloud", "community")
    assert {one.body["cloud"] for one in double.cloud.pods.values()} == {"SECURE", "COMMUNITY"}


def test_offers_without_spot_prices(double, dgops, monkeypatch):
    monkeypatch.setenv("DGOPS_RUNPOD_GRAPHQL_URL", f"{double.url}/nothing")
    code, out, err = dgops("pod", "offers", "--env", "cu121")
    assert (code, "RTX 4090" in out, "no spot prices" in err) == (0, True, True)


def test_the_key_is_nowhere(double, dgops, tmp_path):
    dgops("pod", "create", "one", *CREATE)
    for path in (tmp_path / "state").rglob("*"):
        assert not path.is_file() or double.server.key.encode() not in path.read_bytes()


def test_two_kinds_of_volume(dgops):
    with pytest.raises(UsageError, match="either"):
        dgops("pod", "create", "one", *CREATE, "--volume", "a", "--volume-gb", "10")
