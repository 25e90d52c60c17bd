"""Ending a pod, for a while or for good: `dgops pod stop` and `terminate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.discard import discard_options, guard_of
from dgops.cli.pod_card import json_option, say, show_card
from dgops.cli.render import plain, print_json

if TYPE_CHECKING:
    from dgops.settings import Settings


@click.command(short_help="Stop a pod; its volume stays.")
@click.argument("name")
@discard_options
@json_option
@click.pass_obj
def stop(settings: Settings, name: str, discard: bool, agreed: tuple[str, ...], as_json: bool) -> None:
    """Stop a pod: the container disk is wiped, a volume is kept and costs on; the GPU goes to others.

    Outputs that are whole come home first. Refused where edits in mapped folders, or outputs of jobs, are not home.
    """
    from dgops.flows.pod_end import before_end
    from dgops.pods import census, names
    from dgops.pods.account import connected, intents_of

    with connected(settings) as provider:
        found = census.find(provider, settings, name, say)
        if "stop" not in found.actions:
            say(f"{name}  is {found.status.lower()} already")
        else:
            before_end(settings, found, guard_of(settings, discard, agreed))
            intents, short = intents_of(settings), names.short(found.name)
            intents.stopping(short, found.id, found.started)
            run, found = found.started, provider.stop(found.id)
            intents.stopped(short, found.id, run)
    show_card(found, {}, as_json)


@click.command(short_help="End a pod for good.")
@click.argument("name")
@discard_options
@json_option
@click.pass_obj
def terminate(settings: Settings, name: str, discard: bool, agreed: tuple[str, ...], as_json: bool) -> None:
    """End a pod for good, with the volume of its own; a network volume stays.

    Outputs that are whole come home first, and it is said what will be deleted. Refused where edits in mapped
    folders, or outputs of jobs, are not home.
    """
    from dgops.flows.pod_end import after_terminate, before_end, deleted
    from dgops.pods import census, names
    from dgops.pods.account import connected, intents_of

    with connected(settings) as provider:
        found = census.find(provider, settings, name, say)
        short = names.short(found.name)
        before_end(settings, found, guard_of(settings, discard, agreed))
        say(f"{short}  terminate {deleted(found)}")
        provider.terminate(found.id)
        after_terminate(settings, found)
    intents = intents_of(settings)
    if intents.all().get(short) and intents.all()[short].pod_id in ("", found.id):
        intents.drop(short)
    if as_json:
        print_json({"ok": True, "terminated": {"id": found.id, "name": short}})
        return
    click.echo(f"{plain(short)}  terminated  {plain(found.id)}")
