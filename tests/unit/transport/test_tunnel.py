import socket
import threading

import pytest

from .conftest import free_port


@pytest.fixture
def echo():
    """A server on loopback that sends back what it gets, and then that it is done."""

    def serve(server):
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(client,), daemon=True).start()

    def answer(client):
        with client:
            data = b""
            while part := client.recv(1 << 16):
                data += part
            client.sendall(data + b" done")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def ask(port, data):
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while part := sock.recv(1 << 16):
            answer += part
    return answer


def test_both_ways_and_half_closed(transport, echo):
    with transport.tunnel(echo) as port:
        assert port != echo
        assert ask(port, b"x" * (1 << 20)) == b"x" * (1 << 20) + b" done"
        assert ask(port, b"again") == b"again done"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_nobody_there_yet_ends_no_tunnel(transport, echo):
    nobody = free_port()
    with transport.tunnel(nobody) as port:
        for _ in range(2):
            with pytest.raises((OSError, AssertionError)):
                assert ask(port, b"x")
        late = socket.create_server(("127.0.0.1", nobody))
        with late, socket.create_connection(("127.0.0.1", port), 5) as sock:
            late.settimeout(5)
            late.accept()[0].close()
            assert sock.recv(1) == b""
