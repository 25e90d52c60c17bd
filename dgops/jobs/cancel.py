"""Cancel a job, and see it end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.jobs.job import from_view
from dgops.jobs.place import show

if TYPE_CHECKING:
    from dgops.jobs.job import Job
    from dgops.jobs.link import Link
    from dgops.jobs.place import Place

# The host asks, tells and kills with ten seconds between.
CANCEL_SECONDS = 45.0
PAUSE = 0.5


def cancel(link: Link, place: Place) -> Job:
    """End a job and wait until it is over; raises DgopsError where it is not within its time."""
    answer = link.call("job", {"op": "cancel", "base": place.base, "id": place.id})
    job = from_view(link.host.name, answer.get("job"))
    until = time.monotonic() + CANCEL_SECONDS
    while not job.over:
        if time.monotonic() > until:
            raise DgopsError(
                f"{job.id} on {job.host} is still {job.status} after {CANCEL_SECONDS:.0f} s",
                f"dgops jobs show {job.id}",
            )
        time.sleep(PAUSE)
        job, _ = show(link, place)
    return job
