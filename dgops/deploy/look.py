"""The looks of a deploy: what a host is like, and can it be worked on at all, said before anything is touched."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from dgops.deploy.lease import Lease
from dgops.deploy.plan import Plan
from dgops.errors import BusyError, DgopsError, RemoteError
from dgops.health import contract as contracts
from dgops.health import look as health_look
from dgops.health.fanout import each
from dgops.transport.connect import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.deploy.events import HostRun
    from dgops.health.contract import Contract
    from dgops.health.look import HostHealth
    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.transport.protocol import Transport

ROOM_NEEDED = 200 * 1024**2
OLDEST_PYTHON = (3, 8)


@dataclass(frozen=True)
class Looked:
    """One host after a look: an open transport and what there is to do, or the error that forbids work."""

    host: Host
    seconds: float
    transport: Transport | None = None
    kept: Contract | None = None
    health: HostHealth | None = None
    plan: Plan = field(default_factory=lambda: Plan(()))
    lease: Lease | None = None
    error: DgopsError | None = None

    def require_lease(self, run: HostRun) -> None:
        """Raise BusyError where the lease was lost while the host was worked on."""
        # A host that Ansible has lost gets no more work, so that its lease protects nothing.
        if self.lease and self.lease.lost.is_set() and not run.unreachable:
            raise BusyError(
                f"stopped: the lease on {self.host.name} was lost: {self.lease.why}",
                "look who is at work there, then deploy again",
            )


class Planner(Protocol):
    """Who decides what a host needs; trouble is why its contract could not be read."""

    def __call__(self, host: Host, kept: Contract | None, health: HostHealth, trouble: str) -> Plan:
        """Return the plan of one host."""
        ...


def look_first(hosts: Sequence[Host], settings: Settings, planner: Planner) -> list[Looked]:
    """Look at every host at once, each over a connection of its own; interrupted, it lets all go."""
    return _all(lambda host: _look(host, settings, planner), hosts, settings)


def hold(looked: Sequence[Looked], settings: Settings, planner: Planner) -> list[Looked]:
    """Take each host's lease and look again, since another deploy may just have ended there."""
    return _all(lambda one: _hold(one, settings, planner), looked, settings)


def _all(work: Any, items: Sequence[Any], settings: Settings) -> list[Looked]:
    done: list[Looked] = []

    def one(item: Any) -> Looked:
        found: Looked = work(item)
        done.append(found)
        return found

    try:
        return list(each(one, items, settings.forks))
    except BaseException:
        let_go(done)
        raise


def _look(host: Host, settings: Settings, planner: Planner) -> Looked:
    started = time.monotonic()
    transport = None
    try:
        transport = connect(host, settings)
        return _seen(Looked(host, 0.0, transport), settings, planner, started)
    except DgopsError as error:
        if transport:
            transport.close()
        return Looked(host, time.monotonic() - started, error=error)


def _hold(looked: Looked, settings: Settings, planner: Planner) -> Looked:
    started = time.monotonic()
    assert looked.transport is not None
    lease = Lease(looked.transport, looked.host.name)
    try:
        lease.acquire()
    except DgopsError as error:
        return replace(looked, error=error)
    held = replace(looked, lease=lease)
    try:
        return _seen(held, settings, planner, started)
    except DgopsError as error:
        return replace(held, error=error)
    except BaseException:
        lease.release()
        raise


def _seen(looked: Looked, settings: Settings, planner: Planner, started: float) -> Looked:
    """Probe an open host once: its state, its facts, and whether work can be done there."""
    assert looked.transport is not None
    host, kept, trouble = looked.host, None, ""
    try:
        kept = contracts.read(settings.state, host.name)
    except DgopsError as error:
        # Never half believed: the next deploy proves everything anew.
        trouble = error.message
    answer = health_look.probe(looked.transport, host, kept, live=False)
    _require_ready(host.name, answer)
    health = health_look.judged(host, kept, answer, started, live=False)
    plan = planner(host, kept, health, trouble)
    return replace(looked, kept=kept, health=health, plan=plan, seconds=time.monotonic() - started)


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
