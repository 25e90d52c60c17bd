"""The job of an `up`: found by what it does, let go on where its pod was lost, followed to its end, brought home."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dgops.errors import AccessError, DgopsError, HostKeyError, UnreachableError
from dgops.jobs import memory
from dgops.jobs.early import Early
from dgops.jobs.follow import follow
from dgops.jobs.link import Link
from dgops.jobs.place import Place, show
from dgops.jobs.pull import pull
from dgops.jobs.ready import base_on, work_user
from dgops.jobs.resume import resume
from dgops.jobs.submit import submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.hosts.host import Host
    from dgops.jobs.job import Job, Request
    from dgops.jobs.progress import Watcher
    from dgops.jobs.pull import Pulled
    from dgops.settings import Settings

# A cut connection is tried for so long before RunPod is asked what became of the pod; and with a pod that runs on all
# the same, for so long in all.
PATIENCE, LONGEST = 8.0, 600.0
PAUSE = 5.0


class LostError(UnreachableError):
    """The pod was taken away while something was done on it."""


@dataclass
class Runner:
    """Does one piece of work on whatever pod stands in for the last one; `fate` tells what became of that."""

    settings: Settings
    watcher: Watcher
    say: Callable[[str], None]
    offsets: dict[str, dict[str, int]] = field(default_factory=dict)

    def run(self, host: Host, request: Request, fate: Callable[[], str]) -> tuple[Job, Place]:
        """Return how the job ended: the one that does this already, or a new one; raises LostError with evidence."""
        place = self._found(host, request, fate)
        if place is None:
            job = submit(host, self.settings, request, self.watcher)
            place = Place(host, base_on(host, self.settings), job.id, request.outputs)
        return self._followed(place, fate), place

    def home(self, place: Place) -> Pulled | None:
        """Bring the outputs home, once; None where they are here or there are none."""
        known = memory.recall(self.settings.state, place.id)
        if not place.outputs or (known and known.home):
            return None
        with Link(place.host, self.settings, self.watcher.told) as link:
            pulled = pull(link, place.base, work_user(place.host), place.id, place.outputs, self.watcher)
        if not pulled.missing:
            memory.mark_home(self.settings.state, place.id)
        return pulled

    def _found(self, host: Host, request: Request, fate: Callable[[], str]) -> Place | None:
        """Return the newest job that does this and did not fail; one that was lost goes on."""
        for known in memory.alike(self.settings.state, host.name, request.fingerprint):
            place = Place(host, base_on(host, self.settings), known.id, known.outputs, known.home)
            with Link(host, self.settings, self.watcher.told) as link:
                job = self._shown(link, place, fate)
                if job is None:
                    continue
                if job.status == "lost":
                    self.say(f"{host.name}  job {job.id} was lost: {job.reason}; it goes on")
                    job = resume(link, place, request.secrets)
                    place = replace(place, home=False)
                if job.status in ("failed", "cancelled"):
                    self.say(f"{host.name}  job {job.id} {job.status} before; it is run anew")
                    return None
            self.watcher.submitted(job)
            return place
        return None

    def _shown(self, link: Link, place: Place, fate: Callable[[], str]) -> Job | None:
        try:
            return show(link, place)[0]
        except UnreachableError as error:
            raise self._lost(error, fate) from None
        except DgopsError:
            # It was never taken, or its volume is another one.
            return None

    def _followed(self, place: Place, fate: Callable[[], str]) -> Job:
        offsets = self.offsets.setdefault(place.id, {})
        until = time.monotonic() + LONGEST
        while True:
            try:
                with (
                    Link(place.host, self.settings, self.watcher.told, PATIENCE) as link,
                    Early(place, self.settings, self.watcher.told),
                ):
                    job = follow(link, place.base, place.id, self.watcher, offsets)
                if job.status != "lost":
                    memory.mark_over(self.settings.state, job.id)
                return job
            except UnreachableError as error:
                lost = self._lost(error, fate)
                if isinstance(lost, LostError) or time.monotonic() > until:
                    raise lost from None
                self.watcher.told(f"{lost.message}; trying again")
                time.sleep(PAUSE)

    def _lost(self, error: UnreachableError, fate: Callable[[], str]) -> UnreachableError:
        """Return the error that says what became of the pod, as far as anybody knows."""
        try:
            evidence = fate()
        except DgopsError as other:
            return UnreachableError(
                f"{error.message}; and {other.message}", "run the same again: it goes on from there"
            )
        if evidence:
            return LostError(evidence, "run the same again: it goes on from there")
        # A pod that runs on and shows another key is somebody else's, or was started anew this moment.
        return error if not isinstance(error, (HostKeyError, AccessError)) else UnreachableError(error.message)
