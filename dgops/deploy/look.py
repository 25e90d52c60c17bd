"""The first look of a deploy: can the host be worked on at all, said before anything is touched."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.deploy.lease import Lease
from dgops.errors import DgopsError, RemoteError
from dgops.health.fanout import each
from dgops.transport import agent
from dgops.transport.connect import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.transport.protocol import Transport

ROOM_NEEDED = 200 * 1024**2
OLDEST_PYTHON = (3, 8)


@dataclass(frozen=True)
class Looked:
    """One host after the first look: an open transport and a held lease, or the error that forbids work."""

    host: Host
    seconds: float
    transport: Transport | None = None
    lease: Lease | None = None
    error: DgopsError | None = None


def look_first(hosts: Sequence[Host], settings: Settings, *, hold: bool) -> list[Looked]:
    """Look at every host at once; with hold, take each one's lease. Interrupted, it gives back what it holds."""
    looked: list[Looked] = []

    def look(host: Host) -> None:
        looked.append(_look(host, settings, hold))

    try:
        list(each(look, hosts, settings.forks))
    except BaseException:
        let_go(looked)
        raise
    order = [host.name for host in hosts]
    return sorted(looked, key=lambda one: order.index(one.host.name))


def _look(host: Host, settings: Settings, hold: bool) -> Looked:
    started = time.monotonic()
    transport = lease = None
    try:
        transport = connect(host, settings)
        _require_ready(host.name, agent.call(transport, "probe", {"checks": []}))
        if hold:
            lease = Lease(transport, host.name)
            lease.acquire()
    except DgopsError as error:
        if transport:
            transport.close()
        return Looked(host, time.monotonic() - started, error=error)
    return Looked(host, time.monotonic() - started, transport, lease)


def _require_ready(host: str, answer: dict[str, Any]) -> None:
    try:
        facts = answer["facts"]
        python = tuple(int(part) for part in facts["python"].split(".")[:2])
        free, path = int(facts["fresh_disk"]["free"]), str(facts["fresh_disk"]["path"])
    except (AttributeError, KeyError, TypeError, ValueError):
        # The host may be anything.
        raise RemoteError(f"{host} answered the probe with something else", "is this the host that you mean?") from None
    _require_python(host, python, str(facts["python"]))
    _require_room(host, free, path)


def _require_python(host: str, version: tuple[int, ...], text: str) -> None:
    if version < OLDEST_PYTHON:
        raise DgopsError(f"{host} has Python {text}; 3.8 is the oldest that works", "install a newer python3")


def _require_room(host: str, free: int, path: str) -> None:
    if free < ROOM_NEEDED:
        raise DgopsError(
            f"the disk of {host} is full: {free // 1024**2} MB free on {path}, 200 MB are needed",
            f"free some space there: dgops hosts exec --host {host} -- du -xh -d1 /",
        )


def let_go(looked: Sequence[Looked]) -> None:
    """Give the leases back and close the connections, all at once: a host that is gone holds up no other."""
    list(each(_let_go, looked, len(looked)))


def _let_go(looked: Looked) -> None:
    if looked.lease:
        looked.lease.release()
    if looked.transport:
        looked.transport.close()
