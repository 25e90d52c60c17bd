"""dgops jobs: list, show, follow, cancel, pull and bundle what runs or ran on hosts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.job_lines import HEAD, attempted, attested, cells, home, megabytes, row, short, stands, took, why
from dgops.cli.options import host_option
from dgops.cli.render import columns, plain, print_error, print_json
from dgops.errors import UnreachableError
from dgops.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.jobs.job import Job, Output
    from dgops.jobs.listing import HostJobs
    from dgops.jobs.place import Place
    from dgops.settings import Settings

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
id_argument = click.argument("job_id", metavar="ID")


@click.group()
def jobs() -> None:
    """List, show, follow, cancel, pull and bundle jobs; an ID may be cut short."""


@jobs.command("list", short_help="List the jobs of every host.")
@host_option(required=False)
@json_option
@click.pass_context
def list_jobs(ctx: click.Context, host: str | None, as_json: bool) -> None:
    """List the jobs of every host that was deployed from here, newest first; those of a pod that is gone are lost."""
    from dgops.hosts import inventory
    from dgops.jobs.listing import listed, vanished

    settings: Settings = ctx.obj
    known = inventory.load(settings)
    found = list(listed(known.select(host) if host else list(known.hosts.values()), settings))
    found += vanished(known.hosts, settings) if host is None else []
    rows = sorted((job for one in found for job in one.jobs), key=lambda job: job.created or "", reverse=True)
    if as_json:
        print_json([job.listed() for job in rows])
    else:
        _show_rows(rows, found)
    errors = [one.error for one in found if one.error]
    for error in errors:
        print_error(error)
    ctx.exit(0 if not errors else 3 if all(isinstance(one, UnreachableError) for one in errors) else 1)


def _show_rows(rows: Sequence[Job], found: Sequence[HostJobs]) -> None:
    if not rows:
        if not any(one.error for one in found):
            click.echo("no jobs yet" if found else "no host was deployed from here yet", err=True)
            click.echo("hint: dgops run --host HOST -- COMMAND …", err=True)
        return
    lines = columns([HEAD, *[cells(job) for job in rows]])
    click.echo(lines[0])
    for line, job in zip(lines[1:], rows, strict=True):
        click.echo(line)
        if job.status in ("failed", "lost") or (job.status in ("queued", "running") and job.reason):
            click.echo(f"          {plain(why(job))}")


@jobs.command(short_help="Show one job.")
@id_argument
@host_option(required=False)
@click.option("--show-error", is_flag=True, help="Print nothing but the first error.")
@json_option
@click.pass_obj
def show(settings: Settings, job_id: str, host: str | None, show_error: bool, as_json: bool) -> None:
    """Show one job: how it stands, what failed first, where its folder is."""
    from dgops.jobs.link import Link
    from dgops.jobs.place import show as ask

    place = _find(settings, job_id, host)
    with Link(place.host, settings) as link:
        job, spec = ask(link, place)
    folder = f"{place.base}/jobs/{job.id}"
    if show_error:
        _print_error_of(job, as_json)
        return
    if as_json:
        more = {
            "label": job.label,
            "reason": job.reason,
            "outputs": list(job.outputs),
            "gpus": list(job.gpus),
            "attempt": job.attempt,
            "attempts": job.attempts,
            "failures": [asdict(one) for one in job.failures],
            "beat": job.beat,
            "correlation": job.correlation,
            "attest": spec.get("attest"),
            "folder": folder,
        }
        print_json({**job.listed(), **more})
        return
    click.echo(f"{job.id}  {job.host}  {stands(job)}  {plain(job.label)}")
    for name, value in _facts(job, spec, folder):
        click.echo(f"  {name:<12} {' '.join(plain(value).split())}")


def _print_error_of(job: Job, as_json: bool) -> None:
    from dgops.jobs.bundle import first_error

    error = first_error(job)
    if as_json:
        print_json({"id": job.id, "status": job.status, "first_error": error or None})
    elif error:
        click.echo(plain(error))
    else:
        click.echo(f"{job.id} {job.status}: no error", err=True)


def _facts(job: Job, spec: dict[str, Any], folder: str) -> list[tuple[str, str]]:
    names = [str(one.get("path")) for one in spec.get("inputs") or () if isinstance(one, dict)]
    env = spec.get("env") if isinstance(spec.get("env"), dict) else {}
    rows = [
        ("failed with", job.first_failure if job.status == "failed" else None),
        ("reason", job.reason),
        ("last beat", job.beat),
        ("exit code", str(job.exit_code) if job.exit_code is not None else None),
        ("attempt", f"{job.attempt} of {job.attempts}" if job.attempt and job.attempts > 1 else None),
        *(("attempt", attempted(one)) for one in job.failures),
        ("created", job.created),
        ("started", job.started),
        ("finished", f"{job.finished}  ({took(job):.1f} s)" if job.finished else None),
        ("GPUs", ", ".join(str(one) for one in job.gpus)),
        ("priority", str(spec.get("priority") or "")),
        ("inputs", ", ".join(names)),
        ("outputs", ", ".join(job.outputs)),
        ("environment", ", ".join([*(env or {}), *(f"{name} (secret)" for name in spec.get("secrets") or ())])),
        *(("venv", line) for line in attested(spec.get("attest"))),
        ("correlation", job.correlation),
        ("folder", f"{job.host}:{folder}"),
    ]
    return [(name, value) for name, value in rows if value]


@jobs.command(short_help="Print a job's output until it is over.")
@id_argument
@host_option(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the job as JSON at the end; its output goes to stderr.")
@click.pass_context
def follow(ctx: click.Context, job_id: str, host: str | None, as_json: bool) -> None:
    """Print a job's output from its beginning, and go on until it is over; then as `dgops run` ends."""
    from dgops.cli.following import attend
    from dgops.cli.watching import Options, Progress

    place = _find(ctx.obj, job_id, host)
    ctx.exit(attend(ctx.obj, place, Progress(Options(as_json=as_json))).code)


@jobs.command(short_help="End a job, and wait until it is over.")
@id_argument
@host_option(required=False)
@json_option
@click.pass_obj
def cancel(settings: Settings, job_id: str, host: str | None, as_json: bool) -> None:
    """End a job: it is asked to stop, then told, then killed; waits until it is over."""
    from dgops.jobs.cancel import cancel as end
    from dgops.jobs.link import Link

    place = _find(settings, job_id, host)
    with Link(place.host, settings) as link:
        job = end(link, place)
    if as_json:
        print_json(job.listed())
        return
    click.echo(f"{job.id}  {job.host}  {stands(job)}  {took(job):.1f} s")


@jobs.command(short_help="Bring a job's outputs home.")
@id_argument
@host_option(required=False)
@json_option
@click.pass_context
def pull(ctx: click.Context, job_id: str, host: str | None, as_json: bool) -> None:
    """Bring a job's outputs home, verified; what is here already with the same content stays.

    Of a job that still runs those files come that are whole.
    """
    from dgops.cli.following import brought_home
    from dgops.cli.watching import Options, Progress
    from dgops.jobs.early import pull_whole
    from dgops.jobs.link import Link
    from dgops.jobs.place import show as ask
    from dgops.jobs.ready import work_user

    settings: Settings = ctx.obj
    place = _find(settings, job_id, host)
    shown = Progress(Options(as_json=as_json))
    try:
        with Link(place.host, settings, shown.told) as link:
            job, _ = ask(link, place)
            outputs = place.outputs if place.outputs is not None else _outputs(job)
            if job.over:
                pulled = brought_home(link, place, outputs, shown)
            else:
                pulled = pull_whole(link, place.base, work_user(place.host), place.id, outputs)
    finally:
        shown.stop()
    if as_json:
        print_json({**job.listed(), "outputs": row(pulled)})
    elif not outputs:
        click.echo(f"{job.id} declared no outputs", err=True)
    else:
        for path in pulled.missing:
            click.echo(f"not there: {plain(path)}", err=True)
        click.echo(f"{job.id}  {job.host}  {plain(home(pulled)) or 'nothing to bring home'}")
    ctx.exit(1 if pulled.missing else 0)


@jobs.command(short_help="Pack a job's story into one ZIP.")
@id_argument
@host_option(required=False)
@json_option
@click.pass_obj
def bundle(settings: Settings, job_id: str, host: str | None, as_json: bool) -> None:
    """Pack what tells a job's story into dgops-job-ID.zip here, redacted: record, events, ends of logs, samples."""
    from dgops.jobs.bundle import write
    from dgops.jobs.link import Link

    place = _find(settings, job_id, host)
    with Link(place.host, settings) as link:
        made = write(link, place, Path.cwd())
    if as_json:
        print_json({"id": made.job.id, "path": str(made.path), "size": made.size, "files": list(made.names)})
        return
    count = counted(len(made.names), "file")
    click.echo(f"{made.job.id}  {made.job.host}  {short(made.path)}  {count}, {megabytes(made.size)}")


def _outputs(job: Job) -> tuple[Output, ...]:
    """Return where the outputs of a job that another controller started go: below this folder."""
    from dgops.errors import RemoteError
    from dgops.jobs.job import Output
    from dgops.jobs.recipe import output_of

    found = []
    for path in job.outputs:
        try:
            found.append(Output(path, output_of(path.rstrip("/").rsplit("/", 1)[-1], Path.cwd()).local))
            if not path.startswith("/"):
                found[-1] = output_of(path, Path.cwd())
        except ValueError as error:
            raise RemoteError(f"{job.host} says that {job.id} has the output {error}") from None
    return tuple(found)


def _find(settings: Settings, job_id: str, host: str | None) -> Place:
    from dgops.hosts import inventory
    from dgops.jobs.place import find

    known = inventory.load(settings)
    return find(job_id, known, settings, known.select(host) if host else None)
