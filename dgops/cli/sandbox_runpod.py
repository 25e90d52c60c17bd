"""`dgops sandbox runpod`: a double of RunPod on this machine, whose pods are sandbox containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.render import print_json

if TYPE_CHECKING:
    from dgops.settings import Settings


@click.group()
def runpod() -> None:
    """Start and end a double of RunPod on this machine, to rent pods that cost nothing."""


@runpod.command()
@click.option("--json", "as_json", is_flag=True, help="Print its address as JSON.")
@click.pass_obj
def up(settings: Settings, as_json: bool) -> None:
    """Start the double, or find the one that runs; prints the variables that point dgops pod at it."""
    from dgops.sandbox.runpod import service

    found = service.up(settings)
    # There is no GPU behind it that could be tried.
    variables = {"DGOPS_RUNPOD_URL": found.url, "RUNPOD_API_KEY": found.key, "DGOPS_MODE": "fast-test"}
    if as_json:
        print_json({"ok": True, "url": found.url, "pid": found.pid, "reused": found.reused, "environment": variables})
        return
    for name, value in variables.items():
        click.echo(f"export {name}={value}")
    click.echo(f"{'reused' if found.reused else 'started'}, process {found.pid}", err=True)
    click.echo('next: eval "$(dgops sandbox runpod up)" && dgops pod offers', err=True)


@runpod.command()
@click.option("--json", "as_json", is_flag=True, help="Print whether there was one as JSON.")
@click.pass_obj
def down(settings: Settings, as_json: bool) -> None:
    """End the double; its pods stay until dgops sandbox down, and the next up goes on with them."""
    from dgops.sandbox.runpod import service

    ended = service.down(settings)
    if as_json:
        print_json({"ok": True, "ended": ended})
        return
    click.echo("ended" if ended else "no double is up")
