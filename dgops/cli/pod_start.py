"""Getting a rented pod going again: `dgops pod start`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.pod_card import json_option, keys_of, say, show_card, wait_option
from dgops.errors import DgopsError

if TYPE_CHECKING:
    from dgops.settings import Settings


@click.command(short_help="Start a stopped pod.")
@click.argument("name")
@wait_option
@json_option
@click.pass_obj
def start(settings: Settings, name: str, wait: float, as_json: bool) -> None:
    """Start a stopped pod and wait for SSH: the container disk is empty, port and host keys are new."""
    from dgops.pods import names, ready
    from dgops.pods.account import connected

    with connected(settings) as provider:
        found = names.find(provider, name)
        if "start" in found.actions:
            found = provider.start(found.id)
        else:
            say(f"{name}  is {found.status.lower()} already")
        if wait:
            found = ready.wait(provider, found.id, wait, say)
        show_card(found, keys_of(provider, found), as_json)
    if wait and not found.gpu_count:
        raise DgopsError(
            f"{name} started without a GPU: others took it", f"dgops pod stop {name}, and create one on the same volume"
        )
