"""A secret that a pod wants reaches its roles over real SSH, and lies nowhere: on no disk, in no process list."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest
from place import Place

from dgops.deploy import ansible
from dgops.hosts import inventory

pytestmark = pytest.mark.e2e
VALUE = "e2e'Tok3n-{{ q }}-0815-4711"
# Without what a shell, JSON or grep reads otherwise; the pattern does not find itself in grep's own command line.
PIECE, PATTERN = "-0815-4711", "[-]0815-4711"
DISK = f"grep -rls -e {PATTERN} /etc /home /root /run /srv /tmp /var /workspace || echo nowhere"
RUNNING = f"grep -ls -e {PATTERN} /proc/[0-9]*/cmdline /proc/[0-9]*/environ || echo nowhere"
PLAY = """
- hosts: pod
  become: true
  gather_facts: false
  vars: {ansible_pipelining: true}
  tasks:
    - name: Use it as a role should
      ansible.builtin.command:
        cmd: sh -c 'sha256sum >/run/measured; touch /run/waiting; for i in $(seq 200); do
          test -e /run/go && exit 0; sleep 0.1; done; exit 1'
        stdin: "{{ dgops_secret.HF_TOKEN }}"
        stdin_add_newline: false
      no_log: true
    - name: Forget no_log, and fail
      ansible.builtin.shell:
        cmd: cat; exit 1
        stdin: "{{ dgops_secret.HF_TOKEN }}"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("secrets"))
    # Short, for the sockets in it; its own, to be searched.
    found.env["TMPDIR"] = tempfile.mkdtemp(prefix="s", dir="/tmp")
    found.env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    found.env.pop("HF_TOKEN", None)
    found.up("pod")
    variables = found.root / "inventories/sandbox/host_vars/pod.yml"
    variables.parent.mkdir()
    variables.write_text("dgops_secrets: [HF_TOKEN]\n")
    yield found
    found.down()
    shutil.rmtree(found.env["TMPDIR"])


def on_the_pod(place, script):
    return place.on("pod", f"sudo sh -c '{script}'").strip()


def here(place):
    """Return which files of the place, and of its temporary folder, hold a piece of the value."""
    folders = (place.root, Path(place.env["TMPDIR"]), Path("/dev/shm"))
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    found = []
    for path in files:
        with contextlib.suppress(OSError):
            found += [str(path)] if PIECE.encode() in path.read_bytes() else []
    return found


def holders():
    """Return the programs on this machine, this one aside, that hold the memory in which secrets are handed over."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            held = any("memfd:dgops-secrets" in os.readlink(link) for link in (process / "fd").iterdir())
            if held and process.name != str(os.getpid()):
                found.add((process / "comm").read_text().strip())
    return found


class TestOnePod:
    """One pod's story, in order."""

    def test_missing_it_stops_before_the_pod_is_touched(self, place):
        done = place.dgops("deploy", "--host", "pod", "--role", "user")
        assert done.returncode == 2
        assert "HF_TOKEN, wanted by pod, is not in the environment" in done.stderr
        assert "export HF_TOKEN=…" in done.stderr
        assert "looked" not in done.stderr

    def test_the_list_says_so_too(self, place):
        code, found = place.json("secrets", "list")
        assert code == 0
        assert {"name": "HF_TOKEN", "source": "missing", "wanted_by": ["pod"]} in found["secrets"]

    def test_a_deploy_leaves_it_nowhere(self, place):
        place.env["HF_TOKEN"] = VALUE
        done = place.dgops("-v", "deploy", "--host", "pod", "--role", "user", "--diff")
        assert done.returncode == 0, done.stderr
        assert PIECE not in done.stdout + done.stderr
        assert on_the_pod(place, DISK) == "nowhere"
        assert here(place) == []

    def test_the_search_finds_what_is_there(self, place):
        on_the_pod(place, f"echo {PIECE} > /var/tmp/planted")
        assert on_the_pod(place, DISK) == "/var/tmp/planted"
        on_the_pod(place, "rm /var/tmp/planted")

    def test_a_role_has_it_while_nothing_shows_it(self, place, tmp_path, monkeypatch):
        play = tmp_path / "play.yml"
        play.write_text(PLAY)
        known = inventory.load(place.settings)
        pod = known.select("pod")
        folder = place.settings.state.absolute()
        handed = {"pod": {"HF_TOKEN": VALUE}}
        monkeypatch.setattr(tempfile, "tempdir", place.env["TMPDIR"])
        monkeypatch.setenv("HF_TOKEN", VALUE)
        playbook = ansible.Playbook(play, known.sources, pod, folder / "known_hosts", secrets=handed)
        with contextlib.closing(ansible.run(playbook)) as run:
            events = [next(run)]
            on_the_pod(place, "for i in $(seq 300); do test -e /run/waiting && exit 0; sleep 0.1; done; exit 1")
            assert on_the_pod(place, RUNNING) == "nowhere"
            # Others on this machine may deploy as well; ssh would keep what it inherits for a while.
            assert "ansible-playboo" in holders()
            assert "ssh" not in holders()
            assert on_the_pod(place, DISK) == "nowhere"
            assert here(place) == []
            on_the_pod(place, "touch /run/go")
            events += run
        assert on_the_pod(place, "cat /run/measured").split()[0] == hashlib.sha256(VALUE.encode()).hexdigest()
        assert PIECE not in json.dumps(events)
        failures = [event["failure"] for event in events if "failure" in event]
        assert [failure["stdout"] for failure in failures] == ["***"]
        assert on_the_pod(place, DISK) == "nowhere"
        assert here(place) == []

    def test_a_killed_controller_leaves_it_nowhere(self, place):
        process = place.start("-v", "deploy", "--host", "pod", "--role", "user")
        handed = Path(place.env["TMPDIR"])
        deadline = time.monotonic() + 60
        while not list(handed.glob("dgops-deploy-*/local")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        assert list(handed.glob("dgops-deploy-*")), "something was left, or this test sees nothing"
        assert here(place) == []
        assert on_the_pod(place, DISK) == "nowhere"
