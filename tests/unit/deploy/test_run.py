"""A deploy of several hosts: what breaks on one, or in Ansible, still gives every host its result."""

import json
import threading
import time
from pathlib import Path

import pytest

from dgops import settings as settings_room
from dgops.deploy import apply, lease, run, together
from dgops.deploy.look import Looked
from dgops.deploy.plan import Plan, Step
from dgops.deploy.result import to_json
from dgops.errors import DgopsError, UnreachableError, UsageError
from dgops.hosts.host import Host
from dgops.hosts.inventory import Inventory

FACTS = {"python": "3.11.2", "fresh_disk": {"free": 10**10, "path": "/"}}
OVER = {"event": "stats", "hosts": {"a": {"ok": 1}, "b": {"ok": 1}}}


def host(name, **more):
    answer = {"facts": FACTS, "observations": [], "marker": None, "held": True, "owner": "", "expires_in": 60, **more}
    return Host(name, "fake", variables={"dgops_fake_answers": [{"argv": ["sh"], "stdout": json.dumps(answer)}]})


class Silent:
    """A watcher who remembers what was said."""

    def __init__(self):
        self.words = []

    def __getattr__(self, name):
        return lambda *words: self.words.append((name, *words))


@pytest.fixture
def deploy(monkeypatch):
    def go(events, *hosts, roles=("user",), watcher=None):
        monkeypatch.setattr(together.ansible, "run", lambda playbook, leash: events())
        monkeypatch.setattr(apply.cargo, "build", lambda cache: {})
        wish = run.Wish(hosts, Inventory({one.name: one for one in hosts}, {}), roles)
        return run.deploy(wish, settings_room.load(), watcher or Silent())

    return go


def result(host, outcome, task="t", **more):
    return {"event": "result", "host": host, "outcome": outcome, "role": "user", "task": task, **more}


def test_an_ansible_that_breaks_is_a_failure_of_each_host(deploy):
    def events():
        yield result("a", "failed", failure={"msg": "its own"})
        raise DgopsError("ansible-playbook ended with exit 250: killed", "look")

    found = to_json(deploy(events, host("a"), host("b")))["hosts"]
    assert [one["outcome"] for one in found.values()] == ["failed", "failed"]
    assert found["a"]["first_failure"]["message"] == "its own"
    assert found["b"]["first_failure"]["message"] == "ansible-playbook ended with exit 250: killed"


def test_a_host_that_ansible_forgot_fails_alone(deploy):
    def events():
        yield {"event": "stats", "hosts": {"a": {"ok": 1}}}

    found = deploy(events, host("a"), host("b"))
    assert {name: one.outcome for name, one in found.items()} == {"a": "unchanged", "b": "failed"}
    assert "no account" in found["b"].failure.message


@pytest.mark.parametrize("check", [False, True])
def test_a_host_that_needs_nothing_has_its_keeper_woken(monkeypatch, check):
    """A look starts nothing."""
    asked = []
    monkeypatch.setattr(run, "wake", lambda looked, kept: asked.append(looked.host.name))
    monkeypatch.setattr(run._Run, "plan", lambda *_: Plan(()))
    one = host("a")
    found = run.deploy(run.Wish([one], Inventory({"a": one}, {}), check=check), settings_room.load(), Silent())
    assert (found["a"].outcome, asked) == ("unchanged", [] if check else ["a"])


@pytest.fixture
def lost(monkeypatch):
    """A moment from which on a's lease is somebody else's."""
    monkeypatch.setattr(lease, "RENEWAL", 0.01)
    real = lease.Lease._ask
    taken = threading.Event()

    def ask(self, op, timeout=1.0):
        answer = real(self, op, timeout)
        return (
            {**answer, "held": False, "owner": "you@there"}
            if op == "renew" and self.host == "a" and taken.is_set()
            else answer
        )

    monkeypatch.setattr(lease.Lease, "_ask", ask)
    return taken


def test_a_lost_lease_ends_the_run_and_says_who_took_it(deploy, lost):
    def events():
        lost.set()
        for _ in range(100):
            time.sleep(0.01)
            yield {"event": "said", "text": "x"}

    found = deploy(events, host("a"), host("b"))
    assert [one.outcome for one in found.values()] == ["failed", "failed"]
    assert found["b"].failure.message == "stopped: the lease on a was lost: you@there took it"


def test_the_lease_of_a_host_that_is_gone_stops_no_other(deploy, lost):
    def events():
        yield result("a", "unreachable", failure={"msg": "Failed to connect"})
        # Only now: before Ansible has lost the host, a lost lease stops everything.
        lost.set()
        time.sleep(0.2)
        yield result("b", "ok")
        yield {"event": "stats", "hosts": {"a": {"unreachable": 1}, "b": {"ok": 1}}}

    found = deploy(events, host("a"), host("b"))
    assert {name: one.outcome for name, one in found.items()} == {"a": "unreachable", "b": "unchanged"}


@pytest.mark.parametrize(
    ("error", "outcome", "words"),
    [
        (UnreachableError("pod: the connection was lost"), "unreachable", "the connection was lost"),
        (DgopsError("no checks"), "failed", "no checks"),
        (OSError(28, "No space left on device", "/state/x"), "failed", "No space left on device"),
    ],
)
def test_a_host_that_cannot_be_proven(deploy, monkeypatch, error, outcome, words):
    def prove(*_):
        raise error

    monkeypatch.setattr(run, "prove", prove)
    found = deploy(lambda: (event for event in [OVER]), host("a"), roles=())
    assert found["a"].outcome == outcome
    assert words in found["a"].failure.message


def test_gathering_facts_is_no_role(deploy):
    def events():
        yield {**result("a", "unreachable", failure={"msg": "Failed to connect"}), "role": ""}
        yield {"event": "stats", "hosts": {"a": {"unreachable": 1}}}

    assert to_json(deploy(events, host("a")))["hosts"]["a"]["roles_run"] == []


def test_each_task_is_said_and_argument_checks_are_not(deploy):
    def events():
        checked = "Validating arguments against arg spec 'main' - Debian packages"
        yield {"event": "task_started", "role": "user", "task": checked}
        yield result("a", "ok", task=checked)
        yield result("a", "changed", task="Make the user")
        yield OVER

    watcher = Silent()
    deploy(events, host("a"), watcher=watcher)
    assert [words[1] for words in watcher.words if words[0] == "said"] == ["a  changed      user: Make the user"]
    assert [words[2] for words in watcher.words if words[0] == "working"] == ["looking again"]


def test_hosts_are_named_to_ansible_as_they_are_pinned(monkeypatch):
    monkeypatch.setattr(apply.cargo, "build", lambda cache: {})
    hosts = [host("a")]
    wish = run.Wish(hosts, Inventory({"a": hosts[0]}, {}))
    settings = settings_room.load(options={"state": "relative"})
    looked = [Looked(hosts[0], 0.0, plan=Plan((Step("user", ("x",)), Step("base"))))]
    playbook = apply._playbook(wish, settings, {"a": {"HF_TOKEN": "abcdef"}, "gone": {}}, looked)
    assert playbook.roles == ("user",)
    assert playbook.known_hosts == Path("relative/known_hosts").absolute()
    assert playbook.secrets == {"a": {"HF_TOKEN": "abcdef"}}
    assert "abcdef" not in repr(playbook)


def test_a_secret_that_nobody_has_stops_before_any_host_is_touched(deploy, monkeypatch):
    monkeypatch.delenv("NOBODYS_TOKEN", raising=False)
    monkeypatch.setattr(run, "look_first", lambda *_, **__: pytest.fail("a host was looked at"))
    wants = Host("a", "fake", variables={"dgops_secrets": ["NOBODYS_TOKEN"]})
    with pytest.raises(UsageError, match="NOBODYS_TOKEN, wanted by a, is n"):
        deploy(lambda: iter(()), wants, host("b"))
