"""A job from the command line: submitted, followed, brought home; Ctrl-C lets go of it and it goes on."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.job_lines import recap, row
from dgops.cli.render import print_error, print_json
from dgops.cli.watching import Ended, Options, Progress, hint, say
from dgops.errors import DgopsError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.hosts.host import Host
    from dgops.jobs.job import Job, Output, Request
    from dgops.jobs.place import Place
    from dgops.jobs.pull import Pulled
    from dgops.settings import Settings

INTERRUPTED, COULD_NOT_LOOK = 130, 3


def run_job(ctx: click.Context, host: str | Host, request: Request, options: Options) -> Ended:
    """Submit a job, follow it and bring its outputs home; returns the exit code, shows everything else.

    Until the host has taken the job, Ctrl-C ends it all (130); from then on it only detaches (0). Raises
    DgopsError for what keeps the job from starting.
    """
    from dgops.jobs.place import Place
    from dgops.jobs.ready import base_on
    from dgops.jobs.submit import submit

    settings: Settings = ctx.obj
    chosen = one_host(settings, host) if isinstance(host, str) else host
    shown = Progress(options)
    try:
        submit(chosen, settings, request, shown)
    except KeyboardInterrupt:
        if shown.job is None:
            raise
        return _detached(shown)
    finally:
        shown.stop()
    job = shown.last
    if options.detach:
        say(f"{job.id}  {job.host}  started")
        hint(f"dgops jobs follow {job.id}")
        return _finished(Ended(0, job), options, plain_text=job.id)
    place = Place(chosen, base_on(chosen, settings), job.id, request.outputs)
    return attend(settings, place, shown)


def run_once(ctx: click.Context, host: Host, request: Request, options: Options) -> Ended:
    """Follow the job that does this already, by the request's fingerprint; where there is none, `run_job`."""
    settings: Settings = ctx.obj
    found = _under_way(settings, host, request)
    if found is None:
        return run_job(ctx, host, request, options)
    place, job = found
    say(f"job {job.id}  {host.name}  {request.label}: is under way already")
    if options.detach:
        return _finished(Ended(0, job), options, plain_text=job.id)
    return attend(settings, place, Progress(options))


def _under_way(settings: Settings, host: Host, request: Request) -> tuple[Place, Job] | None:
    from dgops.jobs import memory
    from dgops.jobs.link import Link
    from dgops.jobs.place import Place, show
    from dgops.jobs.ready import base_on

    alike = memory.alike(settings.state, host.name, request.fingerprint) if request.fingerprint else []
    for known in alike:
        if known.over:
            continue
        place = Place(host, base_on(host, settings), known.id, known.outputs, known.home)
        try:
            with Link(host, settings) as link:
                job, _ = show(link, place)
        except UnreachableError:
            raise
        except DgopsError:
            # It was never taken, or its host was made anew.
            continue
        if not job.over:
            return place, job
    return None


def one_host(settings: Settings, pattern: str) -> Host:
    """Return the one host that a pattern names; raises UsageError where it names several."""
    from dgops.hosts import inventory

    found = inventory.load(settings).select(pattern)
    if len(found) > 1:
        raise UsageError(
            f"a job runs on one host, and {pattern} names {len(found)}: {', '.join(one.name for one in found)}",
            f"--host {found[0].name}",
        )
    return found[0]


def attend(settings: Settings, place: Place, shown: Progress) -> Ended:
    """Follow a job that is on its host, bring its outputs home as they are written, and say how it ended."""
    from dgops.jobs.early import Early
    from dgops.jobs.link import Link

    pulled: Pulled | None = None
    try:
        with Link(place.host, settings, shown.told) as link:
            with Early(place, settings, shown.told):
                job = _followed(link, settings, place, shown)
            if job.status == "succeeded" and place.outputs and not place.home:
                pulled = brought_home(link, place, place.outputs, shown)
    except KeyboardInterrupt:
        return _let_go(place, shown)
    except BrokenPipeError:
        # Who read along has seen enough. Python would complain when it flushes on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _detached(shown)
    except UnreachableError as error:
        return _cut(error, place, shown)
    except (DgopsError, OSError) as error:
        if shown.job is None or not shown.job.over:
            raise
        print_error(_not_home(error, place))
        return _finished(Ended(1, shown.job), shown.options)
    finally:
        shown.stop()
    ended = Ended(0 if job.status == "succeeded" and not (pulled and pulled.missing) else 1, job, pulled)
    recap(ended.job, pulled)
    if ended.code == 0 and place.outputs is None and job.outputs:
        hint(f"dgops jobs pull {job.id}")
    for line in shown.options.more(ended):
        say(line)
    return _finished(ended, shown.options)


def _followed(link: Any, settings: Settings, place: Place, shown: Progress) -> Job:
    from dgops.jobs import memory
    from dgops.jobs.follow import follow

    job = follow(link, place.base, place.id, shown)
    if job.status != "lost":
        memory.mark_over(settings.state, job.id)
    shown.end_line()
    return job


def brought_home(link: Any, place: Place, outputs: Sequence[Output], shown: Progress) -> Pulled:
    """Bring outputs home and remember that they are here."""
    from dgops.jobs import memory
    from dgops.jobs.pull import pull
    from dgops.jobs.ready import work_user

    pulled = pull(link, place.base, work_user(place.host), place.id, outputs, shown)
    shown.stop()
    memory.mark_home(link.settings.state, place.id)
    return pulled


def _let_go(place: Place, shown: Progress) -> Ended:
    """Answer Ctrl-C: a job that runs goes on; one that is over still has its outputs there."""
    if shown.job is None or not shown.job.over:
        return _detached(shown, place)
    say("interrupted: not all outputs are home")
    hint(f"dgops jobs pull {place.id}")
    return _finished(Ended(INTERRUPTED, shown.job), shown.options)


def _detached(shown: Progress, place: Place | None = None) -> Ended:
    shown.stop()
    with contextlib.suppress(OSError):
        shown.end_line()
        say("detached: the job goes on")
        hint(f"dgops jobs follow {shown.job.id if shown.job else place.id if place else ''}")
    return _finished(Ended(0, shown.job), shown.options)


def _not_home(error: DgopsError | OSError, place: Place) -> DgopsError:
    """Return the error that says how outputs come home after all, whatever kept them from it."""
    again = f"dgops jobs pull {place.id}"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return DgopsError(f"{where}{error.strerror or error}", f"look at this machine's disk, then:  {again}")
    return DgopsError(error.message, error.hint if again in error.hint else f"{error.hint}:  {again}".lstrip(": "))


def _cut(error: UnreachableError, place: Place, shown: Progress) -> Ended:
    shown.stop()
    shown.end_line()
    over = shown.job is not None and shown.job.over
    stands, command = ("its outputs wait there", "pull") if over else ("the job goes on there", "follow")
    print_error(UnreachableError(f"{error.message}; {stands}", f"dgops jobs {command} {place.id}"))
    return _finished(Ended(COULD_NOT_LOOK, shown.job), shown.options)


def _finished(ended: Ended, options: Options, plain_text: str = "") -> Ended:
    """Print what belongs on stdout: one JSON object, or the id of a job that nobody follows."""
    if options.as_json and options.as_object:
        print_json(options.as_object(ended))
    elif options.as_json and ended.job:
        print_json({**ended.job.listed(), "outputs": row(ended.pulled)})
    elif plain_text:
        click.echo(plain_text)
    return ended
