"""The first look: what forbids work is said before anything is touched."""

import json
from pathlib import Path

import pytest

from dgops import settings as settings_room
from dgops.deploy import look
from dgops.deploy.look import hold, let_go, look_first
from dgops.deploy.plan import Plan, Step
from dgops.errors import AccessError, DgopsError
from dgops.health.fanout import each
from dgops.hosts.host import Host


def fake(name, **facts):
    seen = {"python": "3.11.2", "fresh_disk": {"free": 10**10, "path": "/"}, **facts}
    said = {"facts": seen, "observations": [], "marker": None, "held": True, "owner": "", "expires_in": 0}
    answer = {"argv": ["sh"], "stdout": json.dumps(said)}
    return Host(name, "fake", variables={"dgops_fake_answers": [answer]}, inventory=Path())


def errors(*hosts):
    settings = settings_room.load()
    looked = look_first(hosts, settings, everything)
    held = hold([one for one in looked if not one.error], settings, everything)
    let_go(looked)
    assert all(one.lease for one in held)
    return {one.host.name: one.error for one in looked}


def everything(host, kept, health, trouble):
    return Plan((Step("user", (trouble or "never deployed",)),))


def test_good_hosts_are_held_and_one_bad_stops_no_other():
    found = errors(fake("good"), Host("none", "fake"), fake("also"))
    assert found["good"] is None
    assert found["also"] is None
    assert isinstance(found["none"], AccessError)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"python": "3.6.9"}, "has Python 3.6.9"),
        ({"fresh_disk": {"free": 10 * 1024**2, "path": "/"}}, "10 MB free on /, 200 MB are needed"),
    ],
)
def test_refused(facts, words):
    error = errors(fake("pod", **facts))["pod"]
    assert isinstance(error, DgopsError)
    assert words in error.message
    assert error.hint


@pytest.mark.parametrize(
    "facts", [{"python": 3}, {"python": "x.y"}, {"fresh_disk": None}, {"fresh_disk": {"free": "a"}}]
)
def test_rubbish_is_an_error_of_that_host_alone(facts):
    found = errors(fake("pod", **facts), fake("good"))
    assert "something else" in found["pod"].message
    assert found["good"] is None


def test_an_interrupt_gives_back_what_is_held(monkeypatch):
    released = []
    monkeypatch.setattr(look.Lease, "release", lambda lease: released.append(lease.host))

    def interrupted(work, items, workers):
        list(each(work, items, workers))
        monkeypatch.undo()
        monkeypatch.setattr(look.Lease, "release", lambda lease: released.append(lease.host))
        raise KeyboardInterrupt

    settings = settings_room.load()
    looked = look_first([fake("a"), fake("b")], settings, everything)
    monkeypatch.setattr(look, "each", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hold(looked, settings, everything)
    assert sorted(released) == ["a", "b"]


def test_a_contract_that_cannot_be_read_is_a_reason_to_prove_everything(tmp_path):
    settings = settings_room.load(options={"state": str(tmp_path)})
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts/pod.json").write_text('{"version": 99}')
    looked = look_first([fake("pod")], settings, everything)
    let_go(looked)
    assert looked[0].kept is None
    assert "version 99, this dgops reads 2" in looked[0].plan.steps[0].reasons[0]
