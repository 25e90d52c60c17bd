"""Two controllers of one pod, each a folder with a state of its own: neither believes the other, and neither fights."""

import pytest
from place import Place

from dgops.sandbox import hosts

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def other(ready, tmp_path_factory):
    """A second controller, who was given the pod's line."""
    made = Place(tmp_path_factory.mktemp("other"))
    pod = next(one for one in hosts.listed(ready.settings) if one.name == "pod")
    line = f"ssh root@127.0.0.1 -p {pod.port} -i {pod.key}"
    added = made.dgops("hosts", "add", "pod", line, "--fingerprint", pod.fingerprints[0])
    assert added.returncode == 0, added.stderr
    variables = made.root / "inventories" / "local" / "host_vars" / "pod.yml"
    variables.parent.mkdir(parents=True)
    variables.write_text("dgops_mode: fast-test\npersistent_root: /workspace\ngit_ssh__check_auth: false\n")
    return made


def planned(place, *more):
    code, found = place.json("deploy", "--host", "pod", *more)
    assert code == 0, found
    return found["hosts"]["pod"]


def test_at_once_one_works_and_the_other_says_who(ready, other):
    before = planned(other, "--check")
    assert {tuple(one["reasons"]) for one in before["plan"]} == {("never deployed from here",)}
    running = other.start("deploy", "--host", "pod")
    assert any("looked" in line for line in iter(running.stderr.readline, ""))
    refused = ready.dgops("deploy", "--host", "pod", "--full")
    assert refused.returncode == 1
    assert "is deploying to pod" in refused.stdout + refused.stderr
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    assert "unchanged       13 roles run" in out, "they agree about the pod itself"
    assert planned(other)["roles_run"] == []


def test_each_sees_the_others_contract_and_proves_everything_anew(ready, other):
    assert ready.dgops("health").returncode == 1, "whose marker it is, health says"
    seen = {tuple(one["reasons"]) for one in planned(ready, "--check")["plan"]}
    assert len(seen) == 1
    assert next(iter(seen))[0].startswith("contract "), seen
    assert len(planned(ready)["roles_run"]) == 13
    assert planned(ready)["roles_run"] == []
    assert next(iter(planned(other, "--check")["plan"]))["reasons"][0].startswith("contract ")
