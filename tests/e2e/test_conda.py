"""The role conda on a pod, with an installer that behaves as Miniforge's does: the real one is not at hand."""

import hashlib
import json

import pytest
from place import REPO, Place

pytestmark = pytest.mark.e2e
INSTALLER = REPO / "tests/unit/roles/fake_miniforge.sh"
ENVIRONMENT = "/home/seanf/miniforge3/envs/deadly-ai"


@pytest.fixture(scope="module")
def place(stock, tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("conda"))
    try:
        stock.give(found)
        yield found
    finally:
        found.down()


def ask(place, digest):
    lock = place.root / "deadly-ai.txt"
    lock.write_text("@EXPLICIT\npython-3.11.conda\n")
    variables = {
        "conda__environments": [{"name": "deadly-ai", "lock": str(lock)}],
        "conda__installer": str(INSTALLER),
        "conda__installer_sha256": digest,
    }
    folder = place.root / "inventories/sandbox/host_vars"
    folder.mkdir(exist_ok=True)
    (folder / "pod.yml").write_text(json.dumps(variables))


class TestConda:
    """One host's story, in order."""

    def test_an_installer_without_a_digest_is_refused(self, place):
        ask(place, "")
        done = place.dgops("deploy", "--host", "pod")
        assert done.returncode == 1
        assert "set conda__installer to Miniforge's installer" in done.stdout + done.stderr

    def test_the_environment_is_made_as_the_user(self, place):
        ask(place, hashlib.sha256(INSTALLER.read_bytes()).hexdigest())
        done = place.dgops("deploy", "--host", "pod")
        assert done.returncode == 0, done.stdout + done.stderr
        assert place.on("pod", f"stat -c %U {ENVIRONMENT}/conda-meta/history").strip() == "seanf"
        _, found = place.json("health")
        checks = {one["check"]: one["outcome"] for one in found["hosts"]["pod"]["checks"] if one["role"] == "conda"}
        assert len(checks) == 7
        assert set(checks.values()) == {"pass"}

    def test_a_second_run_changes_nothing(self, place):
        code, found = place.json("deploy", "--host", "pod")
        assert (code, found["hosts"]["pod"]["outcome"]) == (0, "unchanged")

    def test_what_was_removed_is_seen_and_made_again(self, place):
        place.on("pod", f"rm -r {ENVIRONMENT}")
        code, _ = place.json("health")
        assert code == 1
        assert place.dgops("deploy", "--host", "pod").returncode == 0
        assert place.on("pod", f"cat {ENVIRONMENT}/conda-meta/history") == "python-3.11.conda\n"
