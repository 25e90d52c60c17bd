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
    yield made
    # As the next test expects it.
    assert ready.dgops("deploy", "--host", "pod").returncode == 0


def planned(place, *more):
    code, found = place.json("deploy", "--host", "pod", *more)
    assert code == 0, found
    return found["hosts"]["pod"]


def test_each_sees_the_others_contract_and_proves_everything_anew(ready, other):
    before = planned(other, "--check")
    assert {tuple(one["reasons"]) for one in before["plan"]} == {("never deployed from here",)}
    first = planned(other)
    assert (len(first["roles_run"]), first["outcome"]) == (8, "unchanged"), "they agree about the pod itself"
    assert planned(other)["roles_run"] == []
    assert ready.dgops("health").returncode == 1, "whose marker it is, health says"
    seen = {tuple(one["reasons"]) for one in planned(ready, "--check")["plan"]}
    assert len(seen) == 1
    assert next(iter(seen))[0].startswith("contract "), seen
    assert len(planned(ready)["roles_run"]) == 8
    assert planned(ready)["roles_run"] == []


def test_at_once_one_works_and_the_other_says_who(ready, other):
    running = other.start("deploy", "--host", "pod", "--full")
    waiting = next(line for line in running.stderr if "looked" in line)
    assert "to run" in waiting
    second = ready.dgops("deploy", "--host", "pod", "--full")
    out, err = running.communicate(timeout=300)
    ends = {running.returncode: out + err, second.returncode: second.stdout + second.stderr}
    assert set(ends) == {0, 1}, ends
    assert "is deploying to pod" in ends[1], ends[1]
