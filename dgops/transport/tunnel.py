"""A local port on loopback that leads to a port on the host's loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 1 << 16
OPEN_SECONDS = 10.0
LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def tunnel(transport: paramiko.Transport, port: int) -> Iterator[int]:
    """Forward a free local port to the host's port while the block lasts; yields the local port.

    Fabric's own forwarding wants its local port named before it is known to be free, and ends for good at
    the first connection that the host refuses.
    """
    with socket.create_server((LOOPBACK, 0)) as server:
        local = int(server.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(server, transport, port), daemon=True)
        thread.start()
        try:
            yield local
        finally:
            # Closing a socket does not wake a thread that waits in accept; shutting it down does.
            server.shutdown(socket.SHUT_RDWR)
            thread.join(2)


def _accept(server: socket.socket, transport: paramiko.Transport, port: int) -> None:
    with contextlib.ExitStack() as open_ends:
        while True:
            try:
                client, origin = server.accept()
            except OSError:
                return
            open_ends.callback(client.close)
            try:
                channel = transport.open_channel("direct-tcpip", (LOOPBACK, port), origin, timeout=OPEN_SECONDS)
            except (paramiko.SSHException, EOFError):
                # Nobody listens there yet. The client sees a closed connection; the tunnel stays.
                client.close()
                continue
            open_ends.callback(channel.close)
            for read, write, end in (
                (client.recv, channel.sendall, channel.shutdown_write),
                (channel.recv, client.sendall, lambda client=client: client.shutdown(socket.SHUT_WR)),
            ):
                threading.Thread(target=_pump, args=(read, write, end), daemon=True).start()


def _pump(read: Callable[[int], bytes], write: Callable[[bytes], object], end: Callable[[], object]) -> None:
    with contextlib.suppress(OSError, EOFError):
        while data := read(CHUNK):
            write(data)
    with contextlib.suppress(OSError, EOFError):
        end()
