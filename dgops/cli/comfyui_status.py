"""dgops comfyui status: every host with ComfyUI, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.options import host_option
from dgops.cli.render import ago, coloured, columns, plain, print_error, print_json
from dgops.errors import DgopsError, UnreachableError

if TYPE_CHECKING:
    from dgops.generation.comfyui.standing import Standing
    from dgops.hosts.host import Host
    from dgops.settings import Settings

HEAD = ("HOST", "STATE", "VERSION", "NODES", "DEVICE", "JOB", "STARTED")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.command()
@host_option(required=False)
@json_option
@click.pass_context
def status(ctx: click.Context, host: str | None, as_json: bool) -> None:
    """Say of every host with ComfyUI how it stands; exit 0 where all are ready."""
    from dgops.generation.comfyui import standing
    from dgops.generation.comfyui.installed import installed
    from dgops.health.fanout import each
    from dgops.hosts import inventory
    from dgops.jobs.link import Link

    settings: Settings = ctx.obj

    def look(one: Host) -> Standing | DgopsError:
        try:
            at = installed(one, settings)
            with Link(one, settings) as link:
                return standing.look(link, at)
        except DgopsError as error:
            return error

    hosts = inventory.load(settings).select(host or "all")
    if host is None:
        hosts = [one for one in hosts if _has_one(one, settings)]
    found = list(zip(hosts, each(look, hosts, settings.forks), strict=True))
    good = [(one, now) for one, now in found if not isinstance(now, DgopsError)]
    errors = [now for _, now in found if isinstance(now, DgopsError)]
    if as_json:
        print_json({one.name: now.to_json() for one, now in good})
    elif good:
        for line in columns([HEAD, *[_row(one, now) for one, now in good]]):
            click.echo(line)
    elif not errors:
        click.echo("no host that was deployed from here has ComfyUI", err=True)
    for error in errors:
        print_error(error)
    ctx.exit(_code(errors, [now for _, now in good]))


def _code(errors: list[DgopsError], good: list[Standing]) -> int:
    if any(now.state != "ready" for now in good) or any(not isinstance(one, UnreachableError) for one in errors):
        return 1
    return 3 if errors else 0


def _has_one(host: Host, settings: Settings) -> bool:
    from dgops.generation.comfyui.installed import installed

    try:
        installed(host, settings)
    except DgopsError:
        return False
    return True


def _row(host: Host, now: Standing) -> list[str]:
    started = ago(now.job.started) if now.job and now.job.started else "-"
    nodes = f"{now.classes}" if now.classes else "-"
    nodes += f", lacks {', '.join(now.missing)}" if now.missing else ""
    job = now.job.id if now.job else "-"
    return [
        host.name,
        coloured(now.state),
        plain(now.version) or "-",
        plain(nodes),
        plain(now.device) or "-",
        job,
        started,
    ]
