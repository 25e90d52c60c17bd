"""Getting a rented pod going again: `dgops pod start` and `restart`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.discard import discard_options, guard_of
from dgops.cli.pod_card import Card, json_option, keys_of, say, show_card, wait_option
from dgops.cli.pod_limits import tell_unguarded
from dgops.errors import DgopsError

if TYPE_CHECKING:
    from dgops.pods.models import Pod
    from dgops.pods.provider import Provider
    from dgops.settings import Settings


@click.command(short_help="Start a stopped pod.")
@click.argument("name")
@wait_option
@json_option
@click.pass_obj
def start(settings: Settings, name: str, wait: float, as_json: bool) -> None:
    """Start a stopped pod and wait until your key opens it: the container disk is empty, port and host keys are new."""
    from dgops.pods import budget, census, limits, names
    from dgops.pods.account import connected, intents_of

    with connected(settings) as provider:
        found = census.find(provider, settings, name, say)
        if "start" in found.actions:
            budget.require(provider, settings)
            limits.require_left(provider, found)
            found = provider.start(found.id)
        else:
            say(f"{name}  is {found.status.lower()} already")
        intents_of(settings).running(names.short(found.name), found.id)
        _await(settings, provider, found, wait, as_json)


@click.command(short_help="Restart a pod's container in place.")
@click.argument("name")
@wait_option
@json_option
@discard_options
@click.pass_obj
def restart(settings: Settings, name: str, wait: float, as_json: bool, discard: bool, agreed: tuple[str, ...]) -> None:
    """Restart a pod's container in place: the GPU stays, the container disk is wiped, port and host keys are new.

    Refused where edits in mapped folders, or outputs of jobs, are not home.
    """
    from dgops.flows.pod_end import before_end
    from dgops.pods import census
    from dgops.pods.account import connected

    with connected(settings) as provider:
        found = census.find(provider, settings, name, say)
        if "restart" not in found.actions:
            raise DgopsError(
                f"{name} is {found.status.lower()}: only a running pod restarts", f"dgops pod start {name}"
            )
        before_end(settings, found, guard_of(settings, discard, agreed))
        _await(settings, provider, provider.restart(found.id), wait, as_json)


def _await(settings: Settings, provider: Provider, found: Pod, wait: float, as_json: bool) -> None:
    from dgops.pods import inventory, names, ready
    from dgops.pods.access import Door
    from dgops.pods.account import intents_of

    name = names.short(found.name)
    known = intents_of(settings).get(name)
    if wait:
        door = Door(provider, settings, known.identity if known else "", say)
        found = ready.wait(provider, found.id, wait, say, door.enter)
    else:
        tell_unguarded(found)
    show_card(found, keys_of(provider, found), as_json, Card(inventory.in_use(settings)))
    if wait and not found.gpu_count:
        raise DgopsError(
            f"{name} started without a GPU: others took it", f"dgops pod stop {name}, and create one on the same volume"
        )
