"""A TCP connection within a deadline, whose failure says which step failed."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any

from dgops.errors import UnreachableError

# A peer that acknowledges nothing for this long is gone: paramiko's keepalives are sent, never missed.
SILENT_MILLISECONDS = 20_000


def dial(address: str, port: int, timeout: float) -> socket.socket:
    """Connect to address and port; raises UnreachableError that tells name, refusal and silence apart."""
    until = time.monotonic() + timeout
    failures: list[OSError] = []
    for family, kind, protocol, _, target in _resolve(address, port, timeout):
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(max(0.05, until - time.monotonic()))
        try:
            sock.connect(target)
        except OSError as error:
            sock.close()
            failures.append(error)
            continue
        _watch_for_silence(sock)
        return sock
    raise _unreachable(address, port, timeout, failures)


def _resolve(address: str, port: int, timeout: float) -> list[Any]:
    found: list[Any] = []
    problem: list[OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(address, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            problem.append(error)

    # getaddrinfo knows no deadline, so it gets a thread that may be left behind.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(timeout)
    if problem:
        raise UnreachableError(
            f"no address is known for {address}: {getattr(problem[0], 'strerror', None) or problem[0]}",
            "check the name in the inventory (dgops hosts list), and the network of this machine",
        )
    if not found:
        raise UnreachableError(f"looking up {address} took more than {timeout:g} s", "is a name server reachable?")
    return found


def _watch_for_silence(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_MILLISECONDS)


def _unreachable(address: str, port: int, timeout: float, failures: list[OSError]) -> UnreachableError:
    where = f"{address} port {port}"
    if any(isinstance(failure, ConnectionRefusedError) for failure in failures):
        return UnreachableError(
            f"{where} refuses connections",
            "is the host up, and its port still right? a pod gets a new one at each start",
        )
    if all(isinstance(failure, TimeoutError) for failure in failures):
        return UnreachableError(
            f"{where} did not answer within {timeout:g} s",
            "is the host up, and a network between? DGOPS_CONNECT_TIMEOUT sets the patience in seconds",
        )
    return UnreachableError(f"{where} cannot be reached: {failures[-1].strerror or failures[-1]}")
