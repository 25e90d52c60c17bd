"""The stock of ready pods: what comes out of it is what a deploy from there would have made."""

import pytest
from place import BIN, REPO
from soak import SOAK

pytestmark = pytest.mark.e2e


def test_a_pod_of_the_stock_is_as_deployed_from_here(ready):
    code, found = ready.json("deploy", "--host", "pod")
    assert (code, found["hosts"]["pod"]["outcome"], found["hosts"]["pod"]["roles_run"]) == (0, "unchanged", []), found
    assert ready.dgops("health").returncode == 0
    assert ready.dgops("wheels", "verify", "--host", "pod").returncode == 0
    public = (ready.root / ".dgops/sandbox/id_ed25519.pub").read_text()
    assert ready.on("pod", "cat /root/.ssh/authorized_keys") == public
    if SOAK:
        argv = ["-i", ready.root / "inventories/sandbox", "playbooks/site.yml"]
        done = ready.run(BIN / "ansible-playbook", *argv, cwd=REPO)
        assert "changed=0" in done.stdout, done.stdout
        # Which took the marker away.
        assert ready.dgops("deploy", "--host", "pod").returncode == 0
