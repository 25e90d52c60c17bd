"""A log is taken up where it was cut, and ends when it is quiet."""

import time

import httpx
import pytest

from dgops.errors import ProviderError, UnreachableError
from dgops.pods.runpod import events


class Cutting(httpx.BaseTransport):
    """Serves the given streams in turn; None in one cuts it there."""

    def __init__(self, *streams):
        self.streams, self.asked = list(streams), []

    def handle_request(self, request):
        self.asked.append(request.headers.get("Last-Event-ID", ""))
        return httpx.Response(200, stream=Pieces(self.streams.pop(0)))


class Pieces(httpx.SyncByteStream):
    def __init__(self, pieces):
        self.pieces = pieces

    def __iter__(self):
        for piece in self.pieces:
            if piece is None:
                raise httpx.ReadError("cut")
            yield piece


def event(number):
    return f'id: t{number}\ndata: {{"line": "{number}"}}\n\n'.encode()


def followed(transport, seconds=5.0):
    with httpx.Client(transport=transport, base_url="http://127.0.0.1") as client:
        return [one["line"] for one in events.follow(client, "/log", "log", {}, seconds, seconds)]


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(events, "PAUSE", 0.01)


def test_it_goes_on_after_the_last_event():
    transport = Cutting([event(1), event(2), None], [None], [event(3), b": still here\n\n", b"data: no json\n\n"[:0]])
    assert followed(transport) == ["1", "2", "3"]
    assert transport.asked == ["", "t2", "t2"]


def test_one_that_is_always_cut_is_told():
    with pytest.raises(UnreachableError, match="no answer"):
        followed(Cutting(*[[None]] * 9))


def test_it_ends_when_it_is_quiet(double, session):
    pod = double.rent()
    began = time.monotonic()
    found = list(events.follow(session.client, f"/v2/pods/{pod}/logs", "log", {}, 60, 0.5))
    assert [one["line"] for one in found][-1] == "started"
    assert time.monotonic() - began < 20


def test_a_refusal_is_told(session):
    with pytest.raises(ProviderError, match="pod not found"):
        list(events.follow(session.client, "/v2/pods/nothere/logs", "log", {}, 5, 5))
