"""Ports on loopback: a free one, and whether an SSH server answers behind it."""

from __future__ import annotations

import socket


def free_port(avoid: int = 0) -> int:
    """Return a port that nobody listens on now; a host gets a new one at each start, as pods do."""
    while True:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = int(listener.getsockname()[1])
        if port != avoid:
            return port


def has_banner(port: int, timeout: float = 1.0) -> bool:
    """Tell whether an SSH server introduces itself on the port within timeout seconds."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as link:
            return link.recv(8).startswith(b"SSH-2.0")
    except OSError:
        return False
