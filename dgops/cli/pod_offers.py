"""What there is to rent: `dgops pod offers` and `volumes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.pod_card import cloud_option, json_option, say
from dgops.cli.render import print_json
from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.pods.models import SpotPrice
    from dgops.pods.provider import Provider
    from dgops.settings import Settings


@click.command(short_help="What is for rent where, at which price, and what runs on it.")
@click.option("--gpu", multiple=True, metavar="NAME", help="Only this GPU, such as 'RTX 4090'; may be given again.")
@click.option("--env", "profile", default="", metavar="PROFILE", help="Only what runs this profile, such as cu121.")
@click.option("--max-price", type=click.FloatRange(min=0), default=0.0, metavar="X", help="At most X dollars an hour.")
@cloud_option
@json_option
@click.pass_context
def offers(ctx: click.Context, gpu: tuple[str, ...], profile: str, max_price: float, cloud: str, as_json: bool) -> None:
    """List each GPU in each data centre with price, stock, VRAM and the profiles of torch that run on it.

    Where one cannot, the reason stands below. Exit 1 where nothing is in stock that would do.
    """
    from dgops.cli import pod_lines
    from dgops.pods import offers as room
    from dgops.pods.account import connected

    with connected(ctx.obj) as provider:
        gpus = provider.gpus()
        spot_prices = _spot_prices(provider)
    found = room.offers(room.choose(gpus, gpu) if gpu else gpus, profile, max_price, cloud, spot_prices)
    good = any(one.stock not in ("none", "") and (one.fits or not profile) for one in found)
    if as_json:
        print_json({"ok": good, "offers": [pod_lines.offer_json(one) for one in found]})
    else:
        for line in pod_lines.offers(found, profile):
            click.echo(line)
        if not good:
            click.echo("nothing of that is to be had now", err=True)
    ctx.exit(0 if good else 1)


@click.command(short_help="Network volumes.")
@json_option
@click.pass_obj
def volumes(settings: Settings, as_json: bool) -> None:
    """List the network volumes: each outlives pods, and ties them to its data centre."""
    from dataclasses import asdict

    from dgops.cli import pod_lines
    from dgops.pods.account import connected

    with connected(settings) as provider:
        found = provider.volumes()
    if as_json:
        print_json({"ok": True, "volumes": [asdict(one) for one in found]})
    elif not found:
        click.echo("no network volumes", err=True)
    else:
        for line in pod_lines.volumes(found):
            click.echo(line)


def _spot_prices(provider: Provider) -> Mapping[str, SpotPrice]:
    """Return the least bids; they come from another service than the rest, which is of use without them."""
    try:
        return provider.spot_prices()
    except DgopsError as error:
        say(f"no spot prices: {error.message}")
        return {}
