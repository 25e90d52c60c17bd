"""A link that is cut: taken up again while patience lasts, never before the first answer."""

import json

import pytest

from dgops.errors import AccessError, DgopsError, HostKeyError, UnreachableError
from dgops.hosts.host import Host
from dgops.jobs import link as links
from dgops.jobs.link import Link
from dgops.transport.fake import Answer, FakeTransport

GOOD = Answer(("sh",), stdout=b'{"ok": 1}\nbytes')


class Line:
    """Transports in the order in which they are opened: each is one try."""

    def __init__(self, *tries):
        self.tries = list(tries)
        self.opened = []

    def connect(self, host, settings):
        one = self.tries.pop(0) if len(self.tries) > 1 else self.tries[0]
        if isinstance(one, Exception):
            raise one
        self.opened.append(FakeTransport(answers=[one]))
        return self.opened[-1]


@pytest.fixture
def line(monkeypatch, settings, heard):
    monkeypatch.setattr(links, "FIRST_PAUSE", 0.01)

    def make(*tries):
        found = Line(*tries)
        monkeypatch.setattr(links, "connect", found.connect)
        return found, Link(Host("pod"), settings, heard.told, patience=0.2)

    return make


def cut():
    return UnreachableError("pod: the connection was lost")


def test_one_connection_for_many_questions(line):
    found, link = line(GOOD)
    with link:
        assert link.exchange("files", {}) == ({"ok": 1}, b"bytes")
        assert link.exchange("files", {}, b"more")[0] == {"ok": 1}
    assert [one.closed for one in found.opened] == [True]
    asked = json.loads(found.opened[0].calls[1][1].splitlines()[0])
    assert set(asked) == {"traceparent"}


def test_a_cut_is_told_and_mended(line, heard):
    found, link = line(GOOD, cut(), cut(), GOOD)
    link.exchange("files", {})
    link.transport().answers = [Answer(("sh",), unreachable="gone")]
    assert link.exchange("files", {})[0] == {"ok": 1}
    assert link.cuts == 1
    assert ["trying again" in heard.messages[0], "connected again" in heard.messages[1]] == [True, True]
    assert found.opened[0].closed


def test_patience_ends(line):
    _, link = line(GOOD, cut())
    link.exchange("files", {})
    link.transport().answers = [Answer(("sh",), unreachable="gone")]
    with pytest.raises(UnreachableError):
        link.exchange("files", {})


@pytest.mark.parametrize("error", [cut(), HostKeyError("another key"), AccessError("no sudo")])
def test_what_is_no_cut_is_not_tried_again(line, error, heard):
    _, link = line(error)
    with pytest.raises(UnreachableError, match=error.message):
        link.call("job", {})
    assert heard.messages == []


@pytest.mark.parametrize("error", [HostKeyError("another key"), AccessError("no sudo")])
def test_another_host_in_its_place_ends_the_patience(line, error, heard):
    _, link = line(GOOD, error)
    link.exchange("files", {})
    link.transport().answers = [Answer(("sh",), unreachable="gone")]
    with pytest.raises(type(error), match=error.message):
        link.exchange("files", {})


def test_a_refusal_names_the_host(line):
    _, link = line(Answer(("sh",), stdout=b'{"refused": "no GPU here", "hint": "without --gpus"}'))
    with pytest.raises(DgopsError) as caught:
        link.call("job", {})
    assert (caught.value.message, caught.value.hint) == ("pod: no GPU here", "without --gpus")
