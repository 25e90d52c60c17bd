"""How jobs read: one line each, the reason beneath, sizes and times in short."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.render import ago, plain, step
from dgops.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dgops.jobs.job import Failure, Job
    from dgops.jobs.pull import Pulled

HEAD = ("JOB", "HOST", "STATUS", "STARTED", "TOOK", "WHAT")
WIDEST = 60
MOST_PLACES = 3
MEGA = 1_000_000
LONGEST = 400
HAPPENINGS = {"stalled": "stalled", "went_on": "goes on", "attempt_failed": "retry"}
COLOURS = {"queued": "yellow", "running": "cyan", "succeeded": "green", "cancelled": "yellow"}


def recap(job: Job | None, pulled: Pulled | None) -> None:
    """Say on stderr how a job ended: what failed first, one line, the next command."""
    if job is None:
        return
    good = job.status == "succeeded"
    if not good:
        click.echo(f"{click.style('error:', fg='red', bold=True)} {plain(why(job))}", err=True)
    for path in pulled.missing if pulled else ():
        click.echo(f"{click.style('error:', fg='red', bold=True)} the output {plain(path)} is not there", err=True)
    line = step(0, f"{job.id}  {job.host}", job.status, plain(home(pulled) if good else ended_with(job)), took(job))
    click.echo(line, err=True)
    if not good or (pulled and pulled.missing):
        click.echo(f"{click.style('hint:', fg='cyan')} dgops jobs show {job.id}", err=True)


def why(job: Job) -> str:
    """Return the first thing that tells why a job did not succeed."""
    # A dgops on the host says it in its own words.
    said = (job.first_failure or "").removeprefix("error: ")
    return said or job.reason or f"the job {job.status} and said nothing"


def ended_with(job: Job) -> str:
    """Return what is known of a job's end beside its status."""
    code = f"exit {job.exit_code}" if job.exit_code is not None else ""
    # Without a first failure the reason was said already.
    reason = job.reason if job.first_failure and job.reason != job.first_failure else None
    return ", ".join(filter(None, [code, reason]))


def home(pulled: Pulled | None) -> str:
    """Return what came home, in a few words."""
    if pulled is None or not pulled.files:
        return ""
    moved = pulled.moved
    places = [f"{short(one)}/" if one.is_dir() else short(one) for one in pulled.places]
    alike = len(places) > MOST_PLACES and len({os.path.isabs(place) for place in places}) == 1
    common = os.path.commonpath(places) if alike else ""
    # Many places below one folder read best as that folder.
    places = [f"{common}/"] if common.strip("/") else places
    more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    where = ", ".join(places[:MOST_PLACES]) + more
    same = f", {moved.already} already here" if moved.already else ""
    files = counted(moved.files, "file")
    return f"{where}  {files}, {megabytes(moved.size)} verified{same}"


def row(pulled: Pulled | None) -> list[dict[str, Any]]:
    """Return the outputs as JSON holds them."""
    found = pulled.files if pulled else ()
    return [{"path": short(one.path), "sha256": one.sha256, "size": one.size} for one in found]


def short(path: Path) -> str:
    """Return a path as it reads from here: relative below this folder, else absolute."""
    relative = os.path.relpath(path)
    return str(path.absolute()) if relative.startswith("..") else relative


def cells(job: Job) -> tuple[str, ...]:
    """Return a job's row of the table."""
    started = ago(job.started) if job.started else "-"
    seconds = f"{took(job):.1f} s" if job.finished else "-"
    return job.id, job.host, stands(job), started, seconds, plain(job.label or job.kind)[:WIDEST]


def stands(job: Job) -> str:
    """Return a job's status in its colour; the word alone says everything."""
    return click.style(job.status, fg=COLOURS.get(job.status, "red"))


def attempted(one: Failure) -> str:
    """Return how an attempt before the last one failed."""
    code = "" if one.exit_code is None else f", exit {one.exit_code}"
    return f"{one.attempt} failed: {one.first_failure or 'it said nothing'}{code}"


def happening(event: Mapping[str, Any]) -> str:
    """Return the line for what happens to a job beside its output, nothing for what shows itself."""
    name = HAPPENINGS.get(str(event.get("event")))
    return f"  {name:<12} {str(event.get('msg') or '')[:LONGEST]}" if name else ""


def attested(found: Any) -> list[str]:
    """Return a line for each venv of a job's host: how it stood to its lock when the job was taken."""
    rows = []
    for path, one in found.items() if isinstance(found, dict) else ():
        words = one.get("findings") if isinstance(one, dict) else None
        first = str(words[0]) if isinstance(words, list) and words else "it differs from its lock"
        holds = isinstance(one, dict) and one.get("holds") is True
        count = one.get("count") if isinstance(one, dict) else 0
        more = f" and {count - 1} more" if isinstance(count, int) and count > 1 else ""
        rows.append(f"{path}  {'as its lock says' if holds else f'drifted: {first}{more}'}")
    return rows


def took(job: Job) -> float:
    """Return the seconds between a job's start and its end, 0 where it had none."""
    try:
        begin, end = (datetime.fromisoformat((one or "").replace("Z", "+00:00")) for one in (job.started, job.finished))
        return max(0.0, (end - begin).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def megabytes(size: float) -> str:
    """Return bytes in short: 81 MB, 0.4 MB, 312 bytes."""
    if size < 100_000:
        return counted(size, "byte")
    return f"{size / MEGA:.1f} MB" if size < 10 * MEGA else f"{size / MEGA:.0f} MB"
