"""The double's state: what may happen when, what it costs, and what goes wrong on demand."""

import json
import threading

import pytest

from dgops.sandbox.runpod.cloud import Cloud
from dgops.sandbox.runpod.pods import view
from dgops.sandbox.runpod.refusal import NO_CAPACITY, RefusalError


def test_the_life_of_a_pod(double):
    double.cloud.machines.go.clear()
    _, pod, _ = double.ask("POST", "/v2/pods", {"name": "a", "image": "x", "gpu": {"id": "NVIDIA L40S"}})
    assert (pod["status"], pod["actions"], pod["ssh"]["direct"]) == ("PROVISIONING", ["stop", "terminate"], None)
    double.settle(pod["id"], "STARTING")
    with pytest.raises(RefusalError, match="cannot start a pod that is STARTING"):
        double.cloud.act(pod["id"], "start")
    double.cloud.machines.go.set()
    double.settle(pod["id"])
    assert view(double.cloud.pod(pod["id"]))["actions"] == ["stop", "restart", "terminate"]
    assert double.cloud.act(pod["id"], "stop").status == "EXITED"
    double.cloud.act(pod["id"], "terminate")
    assert not double.cloud.pods
    assert [verb for verb, _ in double.cloud.machines.asked] == ["start", "stop", "remove"]


def test_ports(double):
    shut, open_ = double.rent(ports=[]), double.rent(name="open")
    assert view(double.cloud.pod(shut))["ssh"]["direct"] is None
    first = view(double.cloud.pod(open_))["ssh"]["direct"]["port"]
    double.cloud.act(open_, "restart")
    double.settle(open_)
    assert view(double.cloud.pod(open_))["ssh"]["direct"]["port"] != first


def test_a_stop_beats_a_start_that_is_under_way(double):
    double.cloud.machines.go.clear()
    pod = double.cloud.create({"name": "a", "image": "x", "gpu": {"id": "NVIDIA L40S"}})
    double.settle(pod.id, "STARTING")
    stopping = threading.Thread(target=double.cloud.act, args=(pod.id, "stop"))
    stopping.start()
    double.settle(pod.id, "EXITED")
    double.cloud.machines.go.set()
    stopping.join(10)
    assert double.cloud.pods[pod.id].status == "EXITED"
    assert double.cloud.machines.asked[-1] == ("stop", pod.id)


def test_what_it_costs(tmp_path, double):
    now = [1000.0]
    double.cloud.clock = lambda: now[0]
    pod = double.rent()
    now[0] += 3600
    assert double.cloud.ledger()["perHour"] == 0.69
    double.cloud.act(pod, "stop")
    now[0] += 3600
    ledger = double.cloud.ledger()
    assert (ledger["billing"], ledger["perHour"]) == ([], 0)
    assert ledger["pods"][0]["gpuAmount"] == pytest.approx(0.69)
    # An hour of 10 GB while it ran, and one at twice the price.
    assert ledger["pods"][0]["diskAmount"] == pytest.approx(10 * (0.10 + 0.20) * 3600 / (30 * 86400))
    double.cloud.act(pod, "start")
    assert double.cloud.ledger()["billing"] == [pod]
    double.cloud.terminate(pod)
    assert double.cloud.ledger()["billing"] == []


def test_no_capacity(double):
    double.cloud.faults.set({"no_capacity": 1})
    status, answer, _ = double.ask("POST", "/v2/pods", {"name": "a", "image": "x", "gpu": {"id": "NVIDIA L40S"}})
    assert (status, answer["detail"]) == (400, NO_CAPACITY)
    double.rent()


def test_capacity_is_where_it_is(double):
    for changes in ({"dataCenterIds": ["AP-JP-1"]}, {"gpu": {"id": "NVIDIA B200"}, "cloud": "COMMUNITY"}):
        with pytest.raises(RefusalError, match="no longer any instances"):
            double.cloud.create({"name": "a", "image": "x", "gpu": {"id": "NVIDIA GeForce RTX 4090"}, **changes})


def test_it_fails_after_it_has_created(double):
    double.cloud.faults.set({"fail_after_create": 1})
    status, _, _ = double.ask("POST", "/v2/pods", {"name": "a", "image": "x", "gpu": {"id": "NVIDIA L40S"}})
    assert status == 500
    assert [pod.body["name"] for pod in double.cloud.pods.values()] == ["a"]


def test_a_stale_port(double):
    pod = double.rent()
    first = double.cloud.pods[pod].port
    double.cloud.faults.set({"stale_port": 1})
    double.cloud.act(pod, "restart")
    double.settle(pod)
    assert view(double.cloud.pod(pod))["ssh"]["direct"]["port"] == first
    assert view(double.cloud.pod(pod))["ssh"]["direct"]["port"] == double.cloud.pods[pod].port != first


def test_a_start_without_a_gpu(double):
    pod = double.rent()
    double.cloud.act(pod, "stop")
    double.cloud.faults.set({"zero_gpu": 1})
    double.cloud.act(pod, "start")
    assert "gpu" not in view(double.cloud.pod(pod))


def test_an_eviction(double):
    pod = double.rent()
    status, answer, _ = double.ask("POST", f"/control/pods/{pod}/evict")
    assert (status, answer["status"]) == (200, "EXITED")


def test_a_balance_of_nothing(double):
    volume = double.cloud.create_volume({"name": "v", "size": 10, "dataCenter": "US-KS-2"})["id"]
    own = double.rent()
    tied = double.rent(name="tied", mounts={"network": [{"volumeId": volume, "path": "/workspace"}]})
    assert double.ask("POST", "/control/balance", {"balance": 0})[0] == 204
    assert own not in double.cloud.pods
    assert double.cloud.pods[tied].status == "EXITED"
    assert double.ask("POST", "/v2/pods", {"name": "a", "image": "x", "gpu": {"id": "NVIDIA L40S"}})[0] == 402
    assert double.ask("DELETE", f"/v2/network-volumes/{volume}")[0] == 409


def test_it_goes_on_where_it_was(double, tmp_path):
    pod = double.rent()
    again = Cloud(double.cloud.machines, tmp_path / "cloud.json")
    again.load(json.loads((tmp_path / "cloud.json").read_text()))
    assert again.pods == double.cloud.pods
    assert again.pods[pod].is_billed


def test_faults_have_names(double):
    assert double.ask("POST", "/control/faults", {"earthquake": 1})[0] == 422
    assert double.ask("POST", "/control/faults", {"errors": -1})[0] == 422
    assert double.ask("GET", "/control")[1]["faults"]["errors"] == 0


def test_a_migration_is_another_pod_of_that_name(double):
    old = double.rent()
    status, moved, _ = double.ask("POST", f"/control/pods/{old}/migrate")
    double.settle(moved["id"])
    fresh = view(double.cloud.pod(moved["id"]))
    assert (status, moved["name"], list(double.cloud.pods)) == (200, "dgops-pod", [moved["id"]])
    assert fresh["ssh"]["direct"]["host"] == "127.0.0.2"
    assert double.cloud.ledger()["billing"] == [moved["id"]]
    # Its own volume came along, and goes with it.
    assert double.cloud.pods[moved["id"]].disk == old
    assert double.ask("POST", "/control/pods/nothere/migrate")[0] == 404


def test_a_full_host_starts_nothing(double):
    pod = double.rent()
    double.cloud.act(pod, "stop")
    double.cloud.faults.set({"full_host": 1})
    with pytest.raises(RefusalError, match="not enough free GPUs"):
        double.cloud.act(pod, "start")
    assert double.cloud.act(pod, "start").status == "STARTING"


def test_a_create_that_gets_no_gpu(double):
    double.cloud.faults.set({"zero_gpu": 1})
    assert "gpu" not in view(double.cloud.pod(double.rent()))
    assert "gpu" in view(double.cloud.pod(double.rent(name="other")))


def test_an_sshd_that_never_comes(double):
    double.cloud.faults.set({"dead_sshd": 1})
    double.rent()
    double.rent(name="other")
    assert double.cloud.machines.slow == [86400.0, 0.0]
