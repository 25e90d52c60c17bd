"""What pods have cost, and how long the money lasts: `dgops pod costs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.pod_card import json_option, say
from dgops.cli.render import print_json

if TYPE_CHECKING:
    from dgops.settings import Settings


@click.command(short_help="What pods have cost, and what is left.")
@json_option
@click.pass_obj
def costs(settings: Settings, as_json: bool) -> None:
    """Show what each pod has cost, those that are gone included; what is left on the account and how long it lasts."""
    from dataclasses import asdict

    from dgops.cli import pod_lines
    from dgops.pods import census
    from dgops.pods.account import connected

    with connected(settings) as provider:
        pods = {one.id: one for one in census.look(provider, settings, say).pods}
        bills, balance = provider.bills(), provider.balance()
    if as_json:
        total = sum(one.total for one in bills)
        listed = [asdict(one) for one in bills]
        print_json({"ok": True, "pods": listed, "total": total, "balance": asdict(balance)})
        return
    for line in pod_lines.costs(bills, pods):
        click.echo(line)
    lasts = f", for {balance.left / balance.per_hour:.1f} hours" if balance.per_hour > 0 else ""
    click.echo(f"{balance.left:.2f} $ left, {balance.per_hour:.2f} $ an hour{lasts}")
