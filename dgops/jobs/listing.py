"""Which jobs there are: asked of every host at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, RemoteError
from dgops.health import contract as contracts
from dgops.health.fanout import each
from dgops.jobs import memory
from dgops.jobs.job import Job, from_view
from dgops.jobs.link import Link
from dgops.jobs.ready import base_on

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from dgops.hosts.host import Host
    from dgops.jobs.memory import Remembered
    from dgops.settings import Settings

MOST_JOBS = 10_000
# A pod in one of these runs nothing.
ENDED = ("EXITED", "ERROR", "TERMINATED")


@dataclass(frozen=True)
class HostJobs:
    """The jobs of one host, newest first; `error` is set where it could not be asked."""

    host: str
    jobs: tuple[Job, ...] = ()
    error: DgopsError | None = None


def listed(hosts: Sequence[Host], settings: Settings) -> Iterator[HostJobs]:
    """Ask every host that was deployed from here for its jobs, all at once; others are passed over."""
    asked = [host for host in hosts if contracts.path_of(settings.state, host.name).exists()]
    yield from each(partial(_of_host, settings=settings), asked, settings.forks)


def vanished(known: Container[str], settings: Settings) -> list[HostJobs]:
    """Return the jobs of rented pods that no inventory lists any more: lost, unless they were seen to be over."""
    left = [one for one in memory.unfinished(settings.state) if one.pod and one.host not in known]
    gone = {one.host: f"no inventory lists its pod {one.pod} any more" for one in left}
    return [HostJobs(host, _lost(left, host, why)) for host, why in gone.items()]


def _lost(left: Sequence[Remembered], host: str, why: str) -> tuple[Job, ...]:
    mine = [one for one in left if one.host == host]
    return tuple(Job(one.id, host, one.kind, one.label, "lost", one.created, reason=why) for one in mine)


def _of_host(host: Host, settings: Settings) -> HostJobs:
    if host.away and host.variables.get("runpod_status") in ENDED:
        return HostJobs(host.name, _lost(memory.unfinished(settings.state), host.name, host.away))
    try:
        with Link(host, settings) as link:
            answer = link.call("job", {"op": "list", "base": base_on(host, settings)})
            rows = answer.get("jobs")
    except DgopsError as error:
        return HostJobs(host.name, error=error)
    found = [_readable(host.name, row) for row in (rows if isinstance(rows, list) else [])[:MOST_JOBS]]
    jobs = tuple(job for job in found if job)
    over = {job.id for job in jobs if job.over and job.status != "lost"}
    for one in memory.unfinished(settings.state):
        if one.id in over:
            memory.mark_over(settings.state, one.id)
    return HostJobs(host.name, jobs)


def _readable(host: str, row: Any) -> Job | None:
    # One damaged folder hides no other job.
    try:
        return from_view(host, row)
    except RemoteError:
        return None
