"""A job that was lost goes on: in its own folder, on a host that is ready again, by its `resume` command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.events import log
from dgops.jobs import memory
from dgops.jobs.job import from_view
from dgops.jobs.place import show
from dgops.jobs.ready import require_ready, work_user
from dgops.jobs.submit import SUBMIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.jobs.job import Job
    from dgops.jobs.link import Link
    from dgops.jobs.place import Place


def resume(link: Link, place: Place, secrets: Mapping[str, str]) -> Job:
    """Let a lost job go on and return how it stands; one that goes on already is left alone.

    Secrets are given anew: nothing of them was kept. Raises DgopsError where the host is not ready or refuses.
    """
    ready = require_ready(link)
    _, spec = show(link, place)
    lacking = sorted(set(spec.get("secrets") or ()) - set(secrets))
    if lacking:
        raise DgopsError(
            f"job {place.id} needs {', '.join(lacking)} to go on", f"dgops secrets set {lacking[0]}, and name it again"
        )
    order = {
        "op": "resume",
        "base": place.base,
        "user": work_user(place.host),
        "mode": link.settings.mode or ready.contract.mode,
        "spec": spec,
        "secrets": {name: secrets[name] for name in spec.get("secrets") or ()},
    }
    # Before it is asked: whoever is killed meanwhile looks once more, and loses nothing.
    memory.mark_going_on(link.settings.state, place.id)
    job = from_view(link.host.name, link.call("job", order, timeout=SUBMIT_SECONDS).get("job"))
    log.note("job.resumed", job.label, host=link.host.name, job=job.id)
    return job
