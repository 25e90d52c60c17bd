"""dgops comfyui: start, look at, end and open the ComfyUI of a host."""

from __future__ import annotations

import contextlib
import time
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
one_host_option = host_option(required=True)


@click.group()
def comfyui() -> None:
    """Start, look at, end and open the ComfyUI of a host; it runs as a job and outlives every connection."""


@comfyui.command()
@one_host_option
@click.option("--deploy", "deploying", is_flag=True, help="Deploy first: from a restarted pod to generation-ready.")
@json_option
@click.pass_context
def start(ctx: click.Context, host: str, deploying: bool, as_json: bool) -> None:
    """Start ComfyUI on a host where it does not run, and wait until it can generate.

    It is ready when it answers with every node class of comfyui__required_nodes.
    """
    from dgops.cli.following import one_host
    from dgops.generation.comfyui import start as starting

    settings: Settings = ctx.obj
    chosen = one_host(settings, host)
    begun = time.monotonic()
    if deploying:
        _deploy(ctx, chosen, as_json)
    deployed = time.monotonic()
    now = starting.start(chosen, settings, lambda words: click.echo(words, err=True))
    over = time.monotonic()
    seconds = {"seconds": round(over - begun, 1), "deploy_seconds": round(deployed - begun, 1) if deploying else None}
    if as_json:
        print_json({"host": chosen.name, **now.to_json(), **seconds})
        return
    took = f"{over - begun:.1f} s"
    if deploying:
        took += f" (deploy {deployed - begun:.1f} s, start {over - deployed:.1f} s)"
    click.echo(f"{chosen.name}  ready  {_said(now)}  {took}")
    click.echo(f"{click.style('hint:', fg='cyan')} dgops comfyui open --host {chosen.name}", err=True)


def _deploy(ctx: click.Context, host: Host, quiet: bool) -> None:
    from dgops.cli.deploy_lines import Progress
    from dgops.cli.discard import guard_of
    from dgops.deploy.run import Wish, deploy
    from dgops.hosts import inventory

    settings: Settings = ctx.obj
    progress = Progress(len(host.name), check=False, quiet=quiet, verbose=ctx.meta["dgops.verbose"])
    guard = guard_of(settings, False, (), progress.stop)
    try:
        results = deploy(Wish([host], inventory.load(settings), guard=guard.before_write), settings, progress)
    finally:
        progress.stop()
    result = results[host.name]
    if not result.ok:
        ctx.exit(3 if result.outcome == "unreachable" else 1)


def _said(now: Standing) -> str:
    return plain(f"ComfyUI {now.version or '?'}, {now.classes} node classes, {now.device or '?'}")


@comfyui.command()
@host_option(required=False)
@json_option
@click.pass_context
def status(ctx: click.Context, host: str | None, as_json: bool) -> None:
    """Say of every host with ComfyUI how it stands; exit 0 where all are ready."""
    from dgops.generation.comfyui import standing
    from dgops.health.fanout import each
    from dgops.hosts import inventory
    from dgops.jobs.link import Link

    settings: Settings = ctx.obj

    def look(one: Host) -> Standing | DgopsError:
        try:
            at = standing.installed(one, settings)
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
    from dgops.generation.comfyui import standing

    try:
        standing.installed(host, settings)
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


@comfyui.command()
@one_host_option
@json_option
@click.pass_obj
def stop(settings: Settings, host: str, as_json: bool) -> None:
    """End ComfyUI on a host; where it does not run there is nothing to do."""
    from dgops.cli.following import one_host
    from dgops.generation.comfyui import start as starting

    chosen = one_host(settings, host)
    ended = starting.stop(chosen, settings)
    if as_json:
        print_json({"host": chosen.name, "job": ended.id if ended else None})
    else:
        click.echo(f"{chosen.name}  stopped  job {ended.id}" if ended else f"{chosen.name}  did not run")


@comfyui.command("open")
@one_host_option
@click.pass_obj
def open_one(settings: Settings, host: str) -> None:
    """Lead a port here to a host's ComfyUI until Ctrl-C; the address is printed."""
    from dgops.cli.following import one_host
    from dgops.generation.comfyui import reach

    chosen = one_host(settings, host)
    with contextlib.suppress(KeyboardInterrupt), reach.reached(chosen, settings) as url:
        click.echo(url)
        click.echo("open it in a browser; Ctrl-C ends the way there, ComfyUI goes on", err=True)
        reach.watch(url, chosen.name)
