"""What a person sees of a job: its output as it is, and beside it one line for each thing that happens to it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.job_lines import happening, megabytes
from dgops.cli.render import CONTROL, plain
from dgops.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dgops.jobs.job import Job
    from dgops.jobs.progress import Moved
    from dgops.jobs.pull import Pulled

# What a progress bar needs.
HARMLESS = {ord("\r"): "\r"}
# Back to the beginning of the line, which is then empty.
WIPE = "\r\x1b[K"


@dataclass(frozen=True)
class Options:
    """How a job is shown: `event` returns the line for one of its events ("" for none), `more` lines for its end.

    `as_object` returns what --json prints, where that is not the job with its outputs. Without `output` what the job
    writes stays in its log, since its events say what is worth a look.
    """

    detach: bool = False
    as_json: bool = False
    event: Callable[[Mapping[str, Any]], str] = lambda _event: ""
    more: Callable[[Ended], Sequence[str]] = lambda _ended: ()
    as_object: Callable[[Ended], dict[str, Any]] | None = None
    output: bool = True


@dataclass(frozen=True)
class Ended:
    """How it went: the exit code for the command line, the job as last seen, and what came home."""

    code: int
    job: Job | None
    pulled: Pulled | None = None


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
        self._bar = False

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
        say(f"{head:<70}  correlation {spec['correlation'][:8]}")

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
        files = counted(moved.files, "file")
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
        if not self.options.output:
            return
        self._wipe()
        target = sys.stderr if stream == "stderr" or self.options.as_json else sys.stdout
        if target.isatty():
            text = CONTROL.sub(lambda match: HARMLESS.get(ord(match[0]), "?"), click.unstyle(text))
        target.write(text)
        target.flush()
        self._open = "" if text.endswith("\n") else stream

    def happened(self, event: Mapping[str, Any]) -> None:
        """Show an event where the command has words for it; progress only where a terminal can forget it again."""
        if event.get("event") == "progress":
            self._show_bar(str(event.get("msg") or ""))
            return
        line = self.options.event(event) or happening(event)
        if line:
            self.end_line()
            say(line)

    def end_line(self) -> None:
        """Begin a line of its own on the terminal, where the job's last one is not over."""
        self._wipe()
        if self._open and sys.stderr.isatty():
            click.echo(err=True)
        self._open = ""

    def _show_bar(self, text: str) -> None:
        if not sys.stderr.isatty() or self._open:
            return
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(WIPE + plain(click.unstyle(text))[:width])
        sys.stderr.flush()
        self._bar = True

    def _wipe(self) -> None:
        if self._bar:
            sys.stderr.write(WIPE)
            sys.stderr.flush()
            self._bar = False
