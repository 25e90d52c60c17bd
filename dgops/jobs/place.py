"""Where one job is: found by the beginning of its id, here first and then on the hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, UnreachableError, UsageError
from dgops.jobs import memory
from dgops.jobs.job import from_view, require_prefix
from dgops.jobs.listing import listed
from dgops.jobs.ready import base_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.hosts.host import Host
    from dgops.hosts.inventory import Inventory
    from dgops.jobs.job import Job, Output
    from dgops.jobs.link import Link
    from dgops.settings import Settings


@dataclass(frozen=True)
class Place:
    """Where one job is: its host, the folder of jobs there, its id.

    `outputs` are those remembered here, None where another controller started it; `home` says that they came.
    """

    host: Host
    base: str
    id: str
    outputs: tuple[Output, ...] | None = None
    home: bool = False


def find(text: str, known: Inventory, settings: Settings, only: Sequence[Host] | None = None) -> Place:
    """Return where the job is whose id begins so; raises UsageError where it is nowhere, or in several places.

    What was started from here is remembered; for the rest every host is asked, or only those given.
    """
    prefix = require_prefix(text)
    remembered = memory.recall(settings.state, prefix)
    if remembered and not only:
        host = known.hosts.get(remembered.host)
        if host is None:
            raise UsageError(
                f"job {remembered.id} is on {remembered.host}, which is in no inventory now",
                "name the inventory that holds it:  dgops --inventory DIR jobs …",
            )
        return Place(host, base_on(host, settings), remembered.id, remembered.outputs, remembered.home)
    hosts = list(only or known.hosts.values())
    found, errors = [], []
    for answer in listed(hosts, settings):
        errors += [answer.error] if answer.error else []
        found += [job for job in answer.jobs if job.id.startswith(prefix)]
    if len(found) > 1:
        raise UsageError(f"{prefix} begins several jobs: {', '.join(f'{one.id} ({one.host})' for one in found[:10])}")
    if not found:
        raise _not_found(text, errors)
    host = known.hosts[found[0].host]
    mine = remembered if remembered and remembered.id == found[0].id else None
    base = base_on(host, settings)
    return Place(host, base, found[0].id, mine.outputs if mine else None, bool(mine and mine.home))


def _not_found(text: str, errors: Sequence[DgopsError]) -> DgopsError:
    if not errors:
        return UsageError(f"no job begins with {text}", "dgops jobs list shows those of every host")
    kind = UnreachableError if all(isinstance(one, UnreachableError) for one in errors) else DgopsError
    return kind(f"no job begins with {text}, but not every host could be asked: {errors[0].message}", errors[0].hint)


def show(link: Link, place: Place) -> tuple[Job, dict[str, Any]]:
    """Return how a job stands and its spec."""
    answer = link.call("job", {"op": "show", "base": place.base, "id": place.id})
    spec = answer.get("spec")
    return from_view(link.host.name, answer.get("job")), spec if isinstance(spec, dict) else {}
