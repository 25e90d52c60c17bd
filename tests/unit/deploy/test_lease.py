"""Holding a lease: busy in words, renewed, lost, given back."""

import json
import threading

import pytest

from dgops.deploy import lease
from dgops.errors import BusyError, RemoteError, UnreachableError
from dgops.transport.fake import Answer, FakeTransport
from dgops.transport.protocol import Completed

HELD = b'{"held": true, "owner": "me", "expires_in": 60}'
TAKEN = b'{"held": false, "owner": "you@there", "expires_in": 41.5}'


def test_busy_names_who_and_how_long():
    with pytest.raises(BusyError) as caught:
        lease.Lease(FakeTransport(answers=[Answer(("sh",), stdout=TAKEN)]), "pod").acquire()
    assert caught.value.message == "you@there is deploying to pod"
    assert "42 s" in caught.value.hint


def test_acquired_and_given_back():
    host = FakeTransport(answers=[Answer(("sh",), stdout=HELD)])
    held = lease.Lease(host, "pod")
    held.acquire()
    held.release()
    requests = [json.loads(stdin) for _, stdin in host.calls]
    assert [one["op"] for one in requests] == ["acquire", "release"]
    assert len({one["token"] for one in requests}) == 1


class Script:
    """A transport whose renewals go as a list says."""

    def __init__(self, *renewals):
        self.renewals = list(renewals)
        self.asked = threading.Event()

    def run(self, argv, *, stdin=b"", timeout=60.0):
        if json.loads(stdin)["op"] != "renew":
            return Completed(tuple(argv), 0, HELD, b"", 0.0)
        answer = self.renewals.pop(0)
        if not self.renewals:
            self.asked.set()
        if answer is None:
            raise UnreachableError("cut")
        return Completed(tuple(argv), 0, answer, b"", 0.0)


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(lease, "RENEWAL", 0.01)


def test_a_lease_that_somebody_took_is_lost(fast):
    held = lease.Lease(Script(HELD, TAKEN), "pod")
    held.acquire()
    assert held.lost.wait(10)
    assert held.why == "you@there took it"


def test_a_short_cut_loses_nothing(fast):
    script = Script(HELD, None, None, HELD, TAKEN)
    held = lease.Lease(script, "pod")
    held.acquire()
    assert script.asked.wait(10)
    assert held.lost.wait(10)
    assert script.renewals == []


def test_a_long_cut_counts_as_lost(fast, monkeypatch):
    monkeypatch.setattr(lease, "TTL", 0.0)
    held = lease.Lease(Script(None, HELD), "pod")
    held.acquire()
    assert held.lost.wait(10)
    assert held.why == "cut"


def test_a_restarted_host_forgets_it(fast):
    held = lease.Lease(Script(b'{"held": false, "owner": "", "expires_in": 0}'), "pod")
    held.acquire()
    assert held.lost.wait(10)
    assert "restarted" in held.why


@pytest.mark.parametrize(
    "answer", [b"{}", b'{"held": "yes", "expires_in": 1}', b'{"held": true, "expires_in": "soon"}']
)
def test_rubbish_is_no_lease(answer):
    with pytest.raises(RemoteError):
        lease.Lease(FakeTransport(answers=[Answer(("sh",), stdout=answer)]), "pod").acquire()
