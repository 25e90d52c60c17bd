"""dgops comfyui: start, look at, end and open the ComfyUI of a host."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import click

from dgops.cli.comfyui_status import json_option, status
from dgops.cli.options import host_option
from dgops.cli.render import plain, print_json

if TYPE_CHECKING:
    from dgops.generation.comfyui.standing import Standing
    from dgops.hosts.host import Host
    from dgops.settings import Settings

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


comfyui.add_command(status)
