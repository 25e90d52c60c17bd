"""Going into a pod: `dgops pod ssh`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.pod_card import say

if TYPE_CHECKING:
    from dgops.settings import Settings


@click.command(
    short_help="Log in to a pod, or run one command there.", context_settings={"ignore_unknown_options": True}
)
@click.argument("name")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def ssh(ctx: click.Context, name: str, command: tuple[str, ...]) -> None:
    """Log in to a pod by OpenSSH, or run one command there: dgops pod ssh NAME -- nvidia-smi.

    Its host keys are those that it printed at its start. Ends with the exit code of what ran, 255 where the
    connection is at fault.
    """
    from dgops.pods import access, census, names
    from dgops.pods.account import connected, intents_of
    from dgops.transport import session

    settings: Settings = ctx.obj
    with connected(settings) as provider:
        found = census.find(provider, settings, name, say)
        known = intents_of(settings).get(names.short(found.name))
        host = access.host_of(found, known.identity if known and known.pod_id == found.id else "")
        access.pin(provider, found, settings, access.LOG_SECONDS)
    ctx.exit(session.run(host, settings, command))
