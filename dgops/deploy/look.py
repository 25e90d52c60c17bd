"""The first look of a deploy: can the host be worked on at all, said before anything is touched."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.deploy.lease import Lease
from dgops.errors import DgopsError
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
    """Look at every host at once; with hold, take each one's lease."""
    with ThreadPoolExecutor(max_workers=max(1, min(settings.forks, len(hosts)))) as pool:
        return list(pool.map(lambda host: _look(host, settings, hold), hosts))


def _look(host: Host, settings: Settings, hold: bool) -> Looked:
    started = time.monotonic()
    transport = lease = None
    try:
        transport = connect(host, settings)
        facts = agent.call(transport, "probe", {"checks": []})["facts"]
        _require_python(host.name, facts)
        _require_room(host.name, facts)
        if hold:
            lease = Lease(transport, host.name)
            lease.acquire()
    except DgopsError as error:
        if transport:
            transport.close()
        return Looked(host, time.monotonic() - started, error=error)
    return Looked(host, time.monotonic() - started, transport, lease)


def _require_python(host: str, facts: dict[str, Any]) -> None:
    version = tuple(int(part) for part in facts["python"].split(".")[:2])
    if version < OLDEST_PYTHON:
        raise DgopsError(
            f"{host} has Python {facts['python']}; 3.8 is the oldest that works", "install a newer python3"
        )


def _require_room(host: str, facts: dict[str, Any]) -> None:
    disk = facts["fresh_disk"]
    if disk["free"] < ROOM_NEEDED:
        raise DgopsError(
            f"the disk of {host} is full: {disk['free'] // 1024**2} MB free on {disk['path']}, 200 MB are needed",
            f"free some space there: dgops hosts exec --host {host} -- du -xh -d1 /",
        )


def let_go(looked: Looked) -> None:
    """Give the lease back and close the connection."""
    if looked.lease:
        looked.lease.release()
    if looked.transport:
        looked.transport.close()
