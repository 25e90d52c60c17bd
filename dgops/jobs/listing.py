"""Which jobs there are: asked of every host at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, RemoteError
from dgops.health import contract as contracts
from dgops.health.fanout import each
from dgops.jobs.job import Job, from_view
from dgops.jobs.link import Link
from dgops.jobs.ready import base_of, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dgops.hosts.host import Host
    from dgops.settings import Settings

MOST_JOBS = 10_000


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


def _of_host(host: Host, settings: Settings) -> HostJobs:
    try:
        with Link(host, settings) as link:
            answer = link.call("job", {"op": "list", "base": base_of(deployed(host, settings))})
            rows = answer.get("jobs")
    except DgopsError as error:
        return HostJobs(host.name, error=error)
    found = [_readable(host.name, row) for row in (rows if isinstance(rows, list) else [])[:MOST_JOBS]]
    return HostJobs(host.name, tuple(job for job in found if job))


def _readable(host: str, row: Any) -> Job | None:
    # One damaged folder hides no other job.
    try:
        return from_view(host, row)
    except RemoteError:
        return None
