"""What is rented: `dgops pod list`, `show` and `reconcile`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.pod_card import json_option, keys_of, show_card
from dgops.cli.render import plain, print_json

if TYPE_CHECKING:
    from dgops.settings import Settings


@click.command("list", short_help="What is rented, and what it costs.")
@json_option
@click.pass_obj
def list_pods(settings: Settings, as_json: bool) -> None:
    """List every pod of the account, how each stands and what it costs an hour."""
    from dgops.cli import pod_lines
    from dgops.pods.account import connected

    with connected(settings) as provider:
        found = provider.pods()
    if as_json:
        cost = sum(one.cost for one in found)
        print_json({"ok": True, "cost_per_hour": cost, "pods": [pod_lines.pod_json(one) for one in found]})
        return
    if not found:
        click.echo("no pods; see what there is: dgops pod offers", err=True)
        return
    for line in pod_lines.pods(found):
        click.echo(line)


@click.command(short_help="How one pod stands, and how to get in.")
@click.argument("name")
@json_option
@click.pass_obj
def show(settings: Settings, name: str, as_json: bool) -> None:
    """Show one pod, by name or id: how it stands, the host keys that it printed at its start, and the next command."""
    from dgops.pods import names
    from dgops.pods.account import connected

    with connected(settings) as provider:
        found = names.find(provider, name)
        keys = keys_of(provider, found)
    show_card(found, keys, as_json)


@click.command(short_help="Find pods that nobody here knows of.")
@json_option
@click.pass_context
def reconcile(ctx: click.Context, as_json: bool) -> None:
    """Compare what is rented with what was asked for from here; nothing that is rented is touched.

    A create that was cut off is known again. Exit 1 where pods called dgops-… are rented that nobody here knows of.
    """
    from dgops.cli import pod_lines
    from dgops.pods.account import connected, intents_of
    from dgops.pods.reconcile import reconcile as compare

    with connected(ctx.obj) as provider:
        found = compare(provider, intents_of(ctx.obj))
    if as_json:
        kinds = {
            name: [pod_lines.pod_json(one) for one in getattr(found, name)]
            for name in ("known", "adopted", "strangers")
        }
        print_json({"ok": not found.strangers, **kinds, "dropped": list(found.dropped)})
    else:
        for kind, pods in (("known", found.known), ("found again", found.adopted), ("nobody's here", found.strangers)):
            for one in pods:
                click.echo(f"{plain(one.name)}  {kind}  {plain(one.id)}  {one.cost:.2f} $ an hour")
        for name in found.dropped:
            click.echo(f"{name}  rented no more")
        for one in found.strangers:
            click.echo(f"hint: dgops pod terminate {plain(one.id)}", err=True)
    ctx.exit(1 if found.strangers else 0)
