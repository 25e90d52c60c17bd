"""Several runs of Ansible at once, one for each set of roles: none waits for another, and all end with the deploy."""

import os
import sys
from pathlib import Path

import pytest

from dgops import settings as settings_room
from dgops.deploy import apply, together
from dgops.deploy.events import HostRun
from dgops.deploy.look import Looked
from dgops.deploy.plan import Plan, Step
from dgops.deploy.run import Wish
from dgops.errors import BusyError
from dgops.hosts.host import Host
from dgops.hosts.inventory import Inventory

# Says that it runs, by name of its host, waits for what the test wants, and gives its account.
PROGRAM = """#!/bin/sh
for word; do case $word in --limit=*) host=${word#--limit=};; esac; done
echo $$ > $host.pid.new && mv $host.pid.new $host.pid
echo '{"event": "result", "host": "'$host'", "outcome": "ok", "role": "user", "task": "t"}'
until [ -e $PATIENT ]; do sleep 0.01; done
echo '{"event": "stats", "hosts": {"'$host'": {"ok": 1}}}'
"""


class Watcher:
    def __getattr__(self, name):
        return lambda *words: None


@pytest.fixture
def go(tmp_path, monkeypatch):
    """Return `go(patience, names, watcher)`: one host per name and group, run until a file is there."""
    program = tmp_path / "bin" / "ansible-playbook"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setattr(apply.cargo, "build", lambda cache: {})
    settings = settings_room.load(options={"state": str(tmp_path / "state")})

    def run(patience, names, watcher=None, looked=Looked):
        monkeypatch.setenv("PATIENT", patience)
        hosts = {name: Host(name) for name in names}
        todo = [looked(one, 0.0, plan=Plan((Step(name, ("why",)),))) for name, one in hosts.items()]
        runs = {name: HostRun(name) for name in names}
        wish = Wish(tuple(hosts.values()), Inventory(hosts, {}))
        handed = {name: {} for name in names}
        apply.apply(wish, settings, handed, todo, runs, watcher or Watcher())
        return runs

    return run


def gone(name):
    return not Path(f"/proc/{Path(f'{name}.pid').read_text().strip()}").exists()


def test_no_group_waits_for_another(go):
    """Each goes on once the last one has begun."""
    runs = go("c.pid", ["a", "b", "c"])
    assert {name: (run.stats, run.failure) for name, run in runs.items()} == {n: ({"ok": 1}, None) for n in "abc"}


def test_more_groups_than_may_run_at_once(go, monkeypatch):
    monkeypatch.setattr(together, "MOST_RUNS", 2)
    assert all(run.stats for run in go("/", list("abcde")).values())


def test_an_interrupt_ends_all_runs(go):
    class Interrupted(Watcher):
        def role_over(self, host, run):
            raise AssertionError("no account was given")

        def said(self, text):
            while not all(os.path.exists(f"{name}.pid") for name in "ab"):
                pass
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go("never", ["a", "b"], Interrupted())
    assert gone("a")
    assert gone("b")


def test_a_lost_lease_ends_one_run_only(go):
    class Robbed(Looked):
        def require_lease(self, run):
            if self.host.name == "a":
                while not Path("b.pid").exists():
                    pass
                Path("robbed").touch()
                raise BusyError("stopped: the lease was lost")

    runs = go("robbed", ["a", "b"], looked=Robbed)
    assert runs["a"].failure.message == "stopped: the lease was lost"
    assert (runs["b"].failure, runs["b"].stats) == (None, {"ok": 1})
