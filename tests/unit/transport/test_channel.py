"""Commands that are talked with: what goes in and comes out while they run, deadlines, ends."""

import time

import pytest

from dgops.errors import RemoteError, UnreachableError
from dgops.hosts.host import Host
from dgops.transport.connect import connect
from dgops.transport.fake import FakeTransport

LARGE = 3_000_000


@pytest.fixture(params=["ssh", "local"])
def way(request, settings):
    host = request.getfixturevalue("pod") if request.param == "ssh" else Host("here", "local")
    transport = connect(host, settings)
    yield transport
    transport.close()


def soon(seconds=20.0):
    return time.monotonic() + seconds


def line(channel):
    found = b""
    while not found.endswith(b"\n"):
        piece = channel.receive(soon())
        assert piece
        found += piece
    return found


def test_said_and_answered_as_often_as_wanted(way):
    channel = way.open(["sh", "-c", 'while read word; do echo "$word, $1"; done; echo over', "sh", "it's"])
    for word in (b"one", b"two"):
        channel.send(word + b"\n", soon())
        assert line(channel) == word + b", it's\n"
    channel.close()


def test_much_goes_in(way):
    channel = way.open(["sh", "-c", f"head -c {LARGE} | wc -c"])
    channel.send(bytes(LARGE), soon())
    assert int(line(channel)) == LARGE
    assert channel.receive(soon()) == b""
    channel.close()


def test_who_reads_no_more_is_no_error(way):
    channel = way.open(["sh", "-c", "echo bye"])
    assert line(channel) == b"bye\n"
    assert channel.receive(soon()) == b""
    for _ in range(3):
        channel.send(bytes(LARGE), soon())
    assert channel.receive(soon()) == b""
    channel.close()


@pytest.mark.parametrize("told", ["send", "receive"])
def test_deadlines(way, told):
    channel = way.open(["sh", "-c", "exec sleep 30"])
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        channel.receive(soon(0.3)) if told == "receive" else channel.send(bytes(50_000_000), soon(0.5))
    assert time.monotonic() - began < 10
    channel.close()


def test_a_local_command_ends_with_its_children(tmp_path):
    transport = connect(Host("here", "local"), None)
    channel = transport.open(["sh", "-c", f"(sleep 3; touch {tmp_path}/alive) & echo begun; wait"])
    assert line(channel) == b"begun\n"
    channel.close()
    time.sleep(3)
    assert not (tmp_path / "alive").exists()


def test_what_is_not_there(settings):
    with pytest.raises(RemoteError, match="no-such-program"):
        connect(Host("here", "local"), settings).open(["dgops-no-such-program"])
    with pytest.raises(RemoteError, match="no further session"):
        FakeTransport().open(["sh"])


def test_a_closed_connection(transport):
    transport.close()
    with pytest.raises(UnreachableError, match="pod: the connection was lost"):
        transport.open(["true"])
