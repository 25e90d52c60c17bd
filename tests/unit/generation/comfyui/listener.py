"""A client of ComfyUI's WebSocket, as small as one can be."""

import base64
import contextlib
import json
import os
import socket
import urllib.request


def ask(url, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, headers)
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read() or b"null")


@contextlib.contextmanager
def listening(port, client):
    """Yield how the next event is read; its first one, the status, has been read."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection, connection.makefile("rb") as stream:
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET /ws?clientId={client} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        words = f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        connection.sendall((head + words).encode())
        assert b"101" in stream.readline()
        while stream.readline().strip():
            pass

        def event():
            size = stream.read(2)[1]
            size = int.from_bytes(stream.read(2), "big") if size == 126 else size
            return json.loads(stream.read(size))

        assert event()["type"] == "status"
        yield event
