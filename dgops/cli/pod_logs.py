"""What a pod's container printed: `dgops pod logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.pod_card import say
from dgops.cli.render import plain

if TYPE_CHECKING:
    from dgops.settings import Settings

SECONDS, QUIET = 60.0, 2.0


@click.command(short_help="What a pod's container printed.")
@click.argument("name")
@click.pass_obj
def logs(settings: Settings, name: str) -> None:
    """Print what a pod's container printed, up to now; a connection that is cut is taken up where it was."""
    from dgops.pods import census
    from dgops.pods.account import connected

    with connected(settings) as provider:
        found = census.find(provider, settings, name, say)
        for line in provider.log(found.id, SECONDS, QUIET):
            click.echo(plain(line))
