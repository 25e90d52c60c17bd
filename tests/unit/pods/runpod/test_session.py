"""Calls over HTTP: patience where it is asked for, no create said twice, and a key that stays unseen."""

import subprocess
import sys
import time

import pytest

from dgops.errors import AccessError, ProviderError, UnreachableError, UsageError
from dgops.pods.runpod import session as room
from dgops.pods.runpod.session import Session
from dgops.sandbox.ports import free_port

KEY = "a_key_that_nobody_may_see"


@pytest.fixture
def slept(double):
    """Return a session with the double and the list of its naps."""
    naps = []
    made = Session(double.url, double.server.key, sleep=naps.append)
    yield made, naps
    made.close()


def test_a_refusal_has_its_words_and_our_hint(session):
    with pytest.raises(ProviderError) as caught:
        session.call("POST", "/v2/pods", "creating", {"name": "a", "colour": 1})
    assert "body.colour: unexpected property" in caught.value.message
    assert (caught.value.status, bool(caught.value.hint)) == (422, True)


def test_a_throttle_is_waited_out(double, slept):
    session, naps = slept
    double.cloud.faults.set({"throttled": 2})
    assert session.call("POST", "/v2/network-volumes", "a", {"name": "v", "size": 10, "dataCenter": "US-KS-2"})["id"]
    assert naps == [1.0, 1.0]


def test_a_throttle_that_lasts_is_told(double, slept, monkeypatch):
    session, naps = slept
    monkeypatch.setattr(room, "DEADLINE", 5.0)
    double.cloud.faults.set({"quota": 0})
    with pytest.raises(ProviderError) as caught:
        session.call("GET", "/v2/pods", "listing pods")
    assert (caught.value.status, naps) == (429, [])


def test_a_read_is_repeated_and_a_create_is_not(double, slept):
    session, naps = slept
    double.cloud.faults.set({"errors": 2})
    assert session.call("GET", "/v2/pods", "listing") == {"pods": []}
    assert len(naps) == 2
    double.cloud.faults.set({"errors": 1})
    with pytest.raises(UnreachableError, match="503"):
        session.call("POST", "/v2/pods", "creating", {})
    assert len(naps) == 2


def test_nobody_there(monkeypatch):
    monkeypatch.setattr(room, "NOBODY", 0.2)
    session = Session(f"http://127.0.0.1:{free_port()}", KEY)
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"no answer from 127\.0\.0\.1") as caught:
        session.call("GET", "/v2/pods", "listing")
    session.close()
    assert time.monotonic() - began < 5
    assert KEY not in caught.value.message


def test_a_slow_answer_has_an_end(double, session, monkeypatch):
    monkeypatch.setattr(room, "ONE_TRY", 0.2)
    monkeypatch.setattr(room, "DEADLINE", 0.3)
    double.cloud.faults.set({"delay": 1})
    with pytest.raises(UnreachableError):
        session.call("GET", "/v2/pods", "listing")
    double.cloud.faults.set({"delay": 0})


def test_another_key(double):
    session = Session(double.url, KEY)
    with pytest.raises(AccessError) as caught:
        session.call("GET", "/v2/pods", "listing")
    session.close()
    assert KEY not in f"{caught.value!r} {caught.value.message} {session!r} {vars(session)}"


@pytest.mark.parametrize("key", ["two words", "a\nb", "schlüssel"])
def test_what_no_key_is(key):
    with pytest.raises(UsageError) as caught:
        Session("http://127.0.0.1:1", key)
    assert key not in caught.value.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"RateLimit": '"minute";r=0;t=7, "hour";r=2900;t=100'}, 7.0),
        ({"RateLimit": '"minute";r=3;t=7'}, 0.0),
        ({"Retry-After": "Wed, 21 Oct"}, 0.0),
        ({}, 0.0),
    ],
)
def test_how_long_to_wait(headers, seconds):
    import httpx

    assert room._seconds(httpx.Response(429, headers=headers)) == seconds


def test_an_answer_that_is_none(double, session, monkeypatch):
    from dgops.sandbox.runpod import server

    monkeypatch.setattr(server.json, "dumps", lambda _value: "<html>")
    with pytest.raises(UnreachableError, match="no JSON"):
        session.call("GET", "/v2/pods", "listing")


def test_httpx_comes_without_its_command_line():
    program = (
        "import sys; from dgops.pods.runpod.session import Session; Session('http://127.0.0.1:9', 'key');"
        "assert 'rich' not in sys.modules and 'pygments' not in sys.modules; import httpx; httpx.Client(verify=False)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
