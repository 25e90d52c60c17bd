"""The roles by plain Ansible, on a pod (root, Debian 12) and a WSL distro (sudo user, Debian 13) at once, in order."""

import json

import pytest
from place import BIN, REPO, Place

from dgops.health.check import load
from dgops.health.judge import judge
from dgops.hosts import inventory
from dgops.transport import agent
from dgops.transport.connect import connect

pytestmark = pytest.mark.e2e

LOCKED = "/home/seanf/.runtime-venv/lib/python3.*/site-packages"
# A container may not take its own route away; without names it reaches nobody either.
CUT = "echo nameserver 127.0.0.1 >/etc/resolv.conf; ! getent hosts example.org"


class Run:
    """One run of the site playbook, as its events tell it."""

    def __init__(self, place, *argv):
        place.env.update(
            ANSIBLE_CALLBACK_PLUGINS=str(REPO / "dgops/deploy/callback"), ANSIBLE_STDOUT_CALLBACK="dgops_events"
        )
        command = [BIN / "ansible-playbook", "-i", place.root / "inventories/sandbox", "playbooks/site.yml", *argv]
        done = place.run(*command, cwd=REPO)
        self.events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        self.returncode, self.stderr = done.returncode, done.stderr
        self.stats = self.events[-1]["hosts"] if self.events else {}

    def changed(self):
        """Return which tasks changed something, by host."""
        found = {host: [] for host in self.stats}
        for event in self.events:
            if event.get("outcome") == "changed":
                found[event["host"]].append(f"{event['role']}: {event['task']}")
        return found

    def values(self, start):
        """Return the results that are for dgops, by host."""
        events = (event for event in self.events if "value" in event and event["task"].startswith(start))
        return {event["host"]: event["value"] for event in events}

    def failures(self, host):
        """Return the messages of what failed on a host."""
        return [event["failure"].get("msg", "") for event in self.events if event.get("outcome") == "failed"]

    def assert_good(self):
        assert self.returncode == 0, [event for event in self.events if event.get("failure")] or self.stderr
        assert all(one["failures"] == one["unreachable"] == 0 for one in self.stats.values())
        return self


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("roles"))
    found.up("pod")
    found.up("distro", kind="wsl", distro="trixie")
    yield found
    found.down()


def root(place, host, script):
    """Run a script on a host as root."""
    return place.on(host, "sudo sh -ec " + "'" + script + "'").strip()


class TestRoles:
    """Two hosts' story, in order."""

    def test_a_uid_that_is_somebody_elses(self, place):
        root(place, "pod", "useradd -u 1100 alice")
        run = Run(place, "-l", "pod")
        assert run.returncode != 0
        (message,) = run.failures("pod")
        assert message.startswith("uid 1100 belongs to alice on this host, so seanf cannot have it; set user__uid")
        assert root(place, "pod", "getent passwd seanf || echo none; ls /home") == "none"
        root(place, "pod", "userdel alice")

    def test_a_look_at_a_bare_host(self, place):
        # Somebody by that name, with a key, is there already.
        root(place, "distro", "groupadd -g 1555 seanf; useradd -m -u 1555 -g 1555 -s /bin/sh seanf")
        before = root(place, "distro", "sha256sum /var/lib/dpkg/status /etc/passwd; ls -A /home/seanf")
        run = Run(place, "-l", "distro", "--check", "--diff").assert_good()
        assert "base: Install packages" in run.changed()["distro"]
        assert root(place, "distro", "sha256sum /var/lib/dpkg/status /etc/passwd; ls -A /home/seanf") == before

    def test_bare_to_ready(self, place):
        make_key = 'ssh-keygen -q -t rsa -N "" -f /home/seanf/.ssh/id_rsa; chown -R seanf: /home/seanf/.ssh'
        root(place, "distro", f"mkdir -m 0700 /home/seanf/.ssh; {make_key}")
        run = Run(place).assert_good()
        assert all(one["changed"] > 0 for one in run.stats.values())
        place.checks = {
            host: value["ansible_facts"]["contract__rendered"] for host, value in run.values("Render").items()
        }
        assert place.checks["pod"]["persistent_root"] == "/workspace"
        assert place.checks["distro"]["persistent_root"] == "/home/seanf"
        notices = run.values("Notice:")
        assert list(notices) == ["pod"], "the distro's own key is used"
        assert "settings/ssh/new: ssh-ed25519 " in notices["pod"]["msg"]

    def test_who_is_there_keeps_his_uid(self, place):
        assert root(place, "pod", "getent passwd seanf").split(":")[2:] == [
            "1100",
            "1100",
            "",
            "/home/seanf",
            "/bin/bash",
        ]
        assert root(place, "distro", "getent passwd seanf").split(":")[2:4] == ["1555", "1555"]

    def test_every_state_check_holds(self, place):
        for host in inventory.load(place.settings).select("all"):
            checks = [one for one in load(place.checks[host.name]["checks"], host.name) if one.kind == "state"]
            transport = connect(host, place.settings)
            answer = agent.call(transport, "probe", {"checks": [check.request() for check in checks]})
            transport.close()
            pairs = zip(checks, answer["observations"], strict=True)
            results = [judge(check, observation, "fast-test") for check, observation in pairs]
            assert [(one.check.name, one.observed) for one in results if one.outcome != "pass"] == []
            assert len(results) >= 12

    def test_again_changes_nothing(self, place):
        assert Run(place).assert_good().changed() == {"pod": [], "distro": []}

    def test_a_look_at_ready_hosts_finds_nothing(self, place):
        assert Run(place, "--check", "--diff").assert_good().changed() == {"pod": [], "distro": []}

    def test_seanf_can_work(self, place):
        for host, key in (("pod", "id_ed25519"), ("distro", "id_rsa")):
            said = root(
                place, host, 'su - seanf -c "sudo -n id -u; echo \\$GIT_SSH_COMMAND; dgops --version"'
            ).splitlines()
            assert said[0] == "0"
            assert said[1] == f"ssh -i /home/seanf/.ssh/{key} -o IdentitiesOnly=yes"
            assert said[2].startswith("dgops")

    def test_wheels_are_kept_where_they_survive(self, place):
        assert "uv-" in root(place, "pod", "ls /workspace/wheels")
        assert "numpy-" in root(place, "distro", "ls /mnt/c/linuxdownloads")

    def test_without_network_a_venv_is_mended_and_another_made_anew(self, place):
        root(place, "pod", CUT)
        root(place, "distro", CUT)
        spoil = f"cd {LOCKED}; echo evil=1 >>psutil/__init__.py; rm -r click; mkdir extra-1.0.dist-info"
        root(place, "pod", f"{spoil}; echo Name: extra >extra-1.0.dist-info/METADATA; touch extra-1.0.dist-info/RECORD")
        root(place, "distro", "rm -r /home/seanf/.runtime-venv")
        run = Run(place).assert_good()
        assert run.changed() == {
            "pod": ["python_env: Give the venvs to their owner", "python_env: Make the venvs equal to their locks"],
            "distro": ["python_env: Make the venvs equal to their locks", "dgops_runtime: Install the wheel"],
        }
        for host in ("pod", "distro"):
            left = root(place, host, f"cd {LOCKED}; ls; tail -n 1 psutil/__init__.py")
            assert "extra" not in left
            assert "evil" not in left
            assert root(place, host, "cd /; dgops --version").startswith("dgops")
        assert Run(place, "--tags", "python_env,dgops_runtime").assert_good().changed() == {"pod": [], "distro": []}

    def test_without_network_and_cache_the_cause_is_named(self, place):
        root(place, "pod", "rm -r /home/seanf/.runtime-venv /workspace/wheels/psutil*")
        run = Run(place, "-l", "pod", "--tags", "python_env")
        (failed,) = [event["failure"] for event in run.events if event.get("outcome") == "failed"]
        assert "Temporary failure in name resolution" in failed["stderr"]
        assert root(place, "pod", "ls -A /workspace/wheels | grep scratch || echo none") == "none"

    def test_a_windows_path_is_refused(self, place):
        run = Run(place, "-l", "distro", "--tags", "wheel_cache", "-e", r"wheel_cache__path=C:\linuxdownloads")
        (message,) = run.failures("distro")
        assert r"wheel_cache__path is not a path of the host: C:\linuxdownloads" in message
        assert "/mnt/c/linuxdownloads" in message
