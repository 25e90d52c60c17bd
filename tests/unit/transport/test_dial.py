import socket
import threading
import time

import pytest

from dgops.errors import UnreachableError
from dgops.transport import dial as room
from dgops.transport.dial import dial


def test_connects():
    with socket.create_server(("127.0.0.1", 0)) as server, dial("localhost", server.getsockname()[1], 2) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_silence_has_a_deadline(monkeypatch):
    # A server whose queue is full answers no further greeting.
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        full = [socket.socket() for _ in range(3)]
        for sock in full:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        started = time.monotonic()
        with pytest.raises(UnreachableError, match=r"did not answer within 0\.5 s"):
            dial("127.0.0.1", port, 0.5)
        assert time.monotonic() - started < 2
        for sock in full:
            sock.close()


def test_a_slow_name_server_has_a_deadline(monkeypatch):
    waiting = threading.Event()
    monkeypatch.setattr(room.socket, "getaddrinfo", lambda *_, **__: waiting.wait(5) and [])
    with pytest.raises(UnreachableError, match=r"looking up pod\.example took more than 0\.2 s"):
        dial("pod.example", 22, 0.2)
    waiting.set()


def test_a_name_that_cannot_be_one():
    with pytest.raises(UnreachableError, match="no address is known"):
        dial("x" * 80, 22, 2)
