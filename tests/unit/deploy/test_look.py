"""The first look: what forbids work is said before anything is touched."""

import json
from pathlib import Path

import pytest

from dgops import settings as settings_room
from dgops.deploy import look
from dgops.deploy.look import let_go, look_first
from dgops.errors import AccessError, DgopsError
from dgops.health.fanout import each
from dgops.hosts.host import Host


def fake(name, **facts):
    seen = {"python": "3.11.2", "fresh_disk": {"free": 10**10, "path": "/"}, **facts}
    answer = {"argv": ["sh"], "stdout": json.dumps({"facts": seen, "held": True, "owner": "", "expires_in": 0})}
    return Host(name, "fake", variables={"dgops_fake_answers": [answer]}, inventory=Path())


def errors(*hosts):
    looked = look_first(hosts, settings_room.load(), hold=True)
    let_go(looked)
    return {one.host.name: one.error for one in looked}


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

    monkeypatch.setattr(look, "each", interrupted)
    with pytest.raises(KeyboardInterrupt):
        look_first([fake("a"), fake("b")], settings_room.load(), hold=True)
    assert sorted(released) == ["a", "b"]
