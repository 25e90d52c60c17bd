"""Start ComfyUI on a host, detached, and see it ready to generate; end it again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.generation.comfyui import standing
from dgops.generation.comfyui.installed import installed
from dgops.generation.comfyui.standing import FOREIGN, INCOMPLETE, KIND, READY, STOPPED, Standing
from dgops.hosts import secrets
from dgops.jobs.cancel import cancel
from dgops.jobs.job import Request, Stall
from dgops.jobs.link import Link
from dgops.jobs.place import Place, show
from dgops.jobs.progress import Silent
from dgops.jobs.submit import submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.generation.comfyui.installed import Installed
    from dgops.hosts.host import Host
    from dgops.jobs.job import Job
    from dgops.settings import Settings

# What the role comfyui writes.
LAUNCHER = "/usr/local/bin/dgops-comfyui"
# A cold disk and many custom nodes take minutes.
START_SECONDS = 600.0
PAUSE = 0.5
# A server is silent while nobody asks anything of it.
QUIET = Stall(least=100_000.0)


def start(host: Host, settings: Settings, told: Callable[[str], None], seconds: float = START_SECONDS) -> Standing:
    """Start ComfyUI where it does not run, and return when it answers with every node class that is asked for.

    Raises DgopsError where it ends, lacks classes, or does not answer in time; it then runs on where it can.
    """
    at = installed(host, settings)
    with Link(host, settings, told) as link:
        now = standing.look(link, at)
        if now.state == FOREIGN:
            raise _foreign(host, at)
        job = now.job or submit(host, settings, request(host, at, settings), Silent(told))
        told(f"{host.name}: job {job.id} {'runs already' if now.job else 'started'}")
        return _await(link, at, job, seconds)


def request(host: Host, at: Installed, settings: Settings) -> Request:
    """Return the job that runs ComfyUI; only fast-test mode lets it do without a GPU."""
    cpu = ("--cpu",) if (settings.mode or at.mode) == "fast-test" else ()
    return Request(KIND, "ComfyUI", (LAUNCHER, *cpu), secrets=secrets.load(secrets.wanted(host)), stall=QUIET)


def _await(link: Link, at: Installed, job: Job, seconds: float) -> Standing:
    until = time.monotonic() + seconds
    while True:
        now = standing.look(link, at)
        if now.state == READY:
            return now
        if now.state == INCOMPLETE:
            raise DgopsError(
                f"ComfyUI on {link.host.name} answers, and lacks {', '.join(now.missing)}",
                f"is its node in comfyui__custom_nodes, and did it load?  dgops jobs follow {job.id}",
            )
        if now.state in (STOPPED, FOREIGN):
            raise _ended(link, at, job)
        if time.monotonic() > until:
            raise DgopsError(
                f"ComfyUI on {link.host.name} does not answer within {seconds:.0f} s; it goes on",
                f"dgops jobs follow {job.id} shows what it does",
            )
        time.sleep(PAUSE)


def _ended(link: Link, at: Installed, job: Job) -> DgopsError:
    ended, _ = show(link, Place(link.host, at.base, job.id))
    words = ended.first_failure or ended.reason or f"exit {ended.exit_code}"
    return DgopsError(f"ComfyUI on {link.host.name} {ended.status}: {words}", f"dgops jobs show {job.id}")


def stop(host: Host, settings: Settings) -> Job | None:
    """End every job that runs ComfyUI; returns the last, None where none ran. Raises where somebody else runs one."""
    at = installed(host, settings)
    ended: Job | None = None
    with Link(host, settings) as link:
        while job := standing.living(link, at.base):
            ended = cancel(link, Place(host, at.base, job.id))
        if standing.look(link, at).state == FOREIGN:
            raise _foreign(host, at)
    return ended


def _foreign(host: Host, at: Installed) -> DgopsError:
    return DgopsError(
        f"something answers at {at.url} on {host.name} that dgops did not start",
        f"on the host: ss -ltnp 'sport = :{at.port}' says who; end it, or set comfyui__port to another one",
    )
