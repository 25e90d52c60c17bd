"""A job from the command line: submitted, followed, brought home; Ctrl-C lets go of it and it goes on."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.job_lines import megabytes, recap, row
from dgops.cli.render import CONTROL, plain, print_error, print_json
from dgops.errors import DgopsError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dgops.hosts.host import Host
    from dgops.jobs.job import Job, Output, Request
    from dgops.jobs.place import Place
    from dgops.jobs.progress import Moved
    from dgops.jobs.pull import Pulled
    from dgops.settings import Settings

INTERRUPTED, COULD_NOT_LOOK = 130, 3
# What a progress bar needs.
HARMLESS = {ord("\r"): "\r"}


@dataclass(frozen=True)
class Options:
    """How a job is shown: `event` returns the line for one of its events ("" for none), `more` lines for its end.

    `as_object` returns what --json prints, where that is not the job with its outputs.
    """

    detach: bool = False
    as_json: bool = False
    event: Callable[[Mapping[str, Any]], str] = lambda _event: ""
    more: Callable[[Ended], Sequence[str]] = lambda _ended: ()
    as_object: Callable[[Ended], dict[str, Any]] | None = None


@dataclass(frozen=True)
class Ended:
    """How it went: the exit code for the command line, the job as last seen, and what came home."""

    code: int
    job: Job | None
    pulled: Pulled | None = None


def run_job(ctx: click.Context, host: str | Host, request: Request, options: Options) -> Ended:
    """Submit a job, follow it and bring its outputs home; returns the exit code, shows everything else.

    Until the host has taken the job, Ctrl-C ends it all (130); from then on it only detaches (0). Raises
    DgopsError for what keeps the job from starting.
    """
    from dgops.jobs.place import Place
    from dgops.jobs.ready import base_of, deployed
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
    place = Place(chosen, base_of(deployed(chosen, settings)), job.id, request.outputs)
    return attend(settings, place, shown)


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
    """Follow a job that is on its host, bring its outputs home where that is due, and say how it ended."""
    from dgops.jobs.link import Link

    pulled: Pulled | None = None
    try:
        with Link(place.host, settings, shown.told) as link:
            job = _followed(link, place, shown)
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


def _followed(link: Any, place: Place, shown: Progress) -> Job:
    from dgops.jobs.follow import follow

    job = follow(link, place.base, place.id, shown)
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


def say(text: str) -> None:
    """Print a line for people on stderr."""
    click.echo(plain(text), err=True)


def hint(command: str) -> None:
    """Print the next command on stderr."""
    click.echo(f"{click.style('hint:', fg='cyan')} {plain(command)}", err=True)


class Progress:
    """Shows a job while it is sent and followed: its output as it is, everything else on stderr."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.job: Job | None = None
        self._status: Any = None
        self._open = ""

    @property
    def last(self) -> Job:
        """The job as it was last seen; there is one from the moment that its host has taken it."""
        assert self.job is not None
        return self.job

    def stop(self) -> None:
        """Take the status line away."""
        if self._status:
            self._status.stop()
            self._status = None

    def told(self, message: str) -> None:
        """Say that a connection was cut, or what was left out."""
        self.stop()
        self.end_line()
        say(f"  {message}")

    def begins(self, host: str, spec: Mapping[str, Any]) -> None:
        """Say which job it will be."""
        head = f"job {spec['id']}  {host}  {spec['label']}"
        say(f"{head:<70}  correlation {spec['correlation']}")

    def moving(self, what: str, done: int, size: int) -> None:
        """Show how much of an upload or a download is over, on a terminal."""
        if not sys.stderr.isatty() or not size:
            return
        if self._status is None:
            from rich.console import Console

            self._status = Console(stderr=True).status("")
            self._status.start()
        self._status.update(f"{what}  {megabytes(done)} of {megabytes(size)}")

    def uploaded(self, moved: Moved) -> None:
        """Say what went to the host."""
        self.stop()
        already = f" ({moved.already} already there)" if moved.already else ""
        files = f"{moved.files} file{'' if moved.files == 1 else 's'}"
        say(f"  {'upload':<12} {f'{files}, {megabytes(moved.size)}{already}':<56} {moved.seconds:5.1f} s")

    def submitted(self, job: Job) -> None:
        """Remember the job: from here on it is its host's."""
        self.job = job

    def stands(self, job: Job) -> None:
        """Say what a job waits for, once."""
        waits = job.status == "queued" and job.reason
        if waits and (self.job is None or job.reason != self.job.reason or self.job.status != "queued"):
            say(f"  {'queued':<12} {job.reason}")
        self.job = job

    def wrote(self, stream: str, text: str) -> None:
        """Pass the job's output on: as it is into a file or pipe, harmless onto a terminal."""
        target = sys.stderr if stream == "stderr" or self.options.as_json else sys.stdout
        if target.isatty():
            text = CONTROL.sub(lambda match: HARMLESS.get(ord(match[0]), "?"), click.unstyle(text))
        target.write(text)
        target.flush()
        self._open = "" if text.endswith("\n") else stream

    def happened(self, event: Mapping[str, Any]) -> None:
        """Show an event where the command has words for it."""
        line = self.options.event(event)
        if line:
            self.end_line()
            say(line)

    def end_line(self) -> None:
        """Begin a line of its own on the terminal, where the job's last one is not over."""
        if self._open and sys.stderr.isatty():
            click.echo(err=True)
        self._open = ""
