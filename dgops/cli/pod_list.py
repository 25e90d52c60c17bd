"""What is rented: `dgops pod list`, `show` and `reconcile`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.pod_card import Card, json_option, keys_of, say, show_card
from dgops.cli.render import plain, print_json
from dgops.errors import AccessError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.pods.models import Pod
    from dgops.pods.truth import Standing
    from dgops.settings import Settings


# Whoever only looks is told within half a minute that nobody answers.
PATIENCE = 20.0


@click.command("list", short_help="What is rented, how it stands, and what it costs.")
@json_option
@click.pass_context
def list_pods(ctx: click.Context, as_json: bool) -> None:
    """List every pod of the account, how each stands, why and what to do about it, and what it costs an hour.

    A pod of yours with limits where nobody was since its start is gone into, so that it keeps them. Where RunPod does
    not answer, what it said last is shown with its age, and the exit code is 3.
    """
    from dgops.cli import pod_lines
    from dgops.pods import limits

    settings: Settings = ctx.obj
    seen = _seen(settings)
    pods, standings, stale = seen.pods, seen.standings, seen.stale
    stops = {one.id: limits.stops_in(one, seen.spent.get(one.id, 0.0)) for one in pods}
    if as_json:
        cost = sum(one.cost for one in pods)
        listed = [pod_lines.pod_json(one, standings[one.id]) | {"stops_in_s": stops[one.id]} for one in pods]
        print_json({"ok": not stale, "cost_per_hour": cost, "pods": listed, **_stale_json(stale)})
    else:
        for line in pod_lines.pods(pods, standings, stops) if pods else ():
            click.echo(line)
        for line in pod_lines.reasons(pods, standings):
            click.echo(line, err=True)
        if not pods and not stale:
            click.echo("no pods; see what there is: dgops pod offers", err=True)
    _end(ctx, stale)


@click.command(short_help="How one pod stands, and how to get in.")
@click.argument("name")
@json_option
@click.pass_context
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show one pod, by name or id: how it stands, the host keys that it printed at its start, and the next command.

    Where RunPod does not answer, what it said last is shown with its age, and the exit code is 3.
    """
    from dgops.pods import inventory, names
    from dgops.pods.account import connected

    settings: Settings = ctx.obj
    seen = _seen(settings)
    stale = seen.stale
    if stale and not names.matching(seen.pods, name):
        raise UnreachableError(stale[0], f"of {name} nothing was told before either")
    found, keys = names.chosen(seen.pods, name), {}
    if found.ssh and not stale:
        with connected(settings, PATIENCE) as provider:
            keys = keys_of(provider, found)
    card = Card(inventory.in_use(settings), seen.standings[found.id], seen.spent.get(found.id, 0.0))
    show_card(found, keys, as_json, card, **_stale_json(stale))
    _end(ctx, stale)


@dataclass(frozen=True)
class _Seen:
    """The pods, how they stand, what those with a ceiling have cost; and, where nobody answered, why not and how many
    seconds old that is."""

    pods: tuple[Pod, ...]
    standings: Mapping[str, Standing]
    spent: Mapping[str, float]
    stale: tuple[str, float] | None = None


def _seen(settings: Settings) -> _Seen:
    from dgops.pods import census, inventory_view, limits
    from dgops.pods.account import connected

    try:
        with connected(settings, PATIENCE) as provider:
            found = census.look(provider, settings, say)
            census.keep_limits(provider, settings, found, say)
            pods = found.pods
            spent = limits.spent(provider, pods)
            return _Seen(pods, census.standings(provider, settings, pods, spent), spent)
    except UnreachableError as error:
        if isinstance(error, AccessError):
            raise
        view = inventory_view.remembered(settings)
        if not view.asked:
            raise
        stale = error.message, time.time() - view.asked
        return _Seen(view.pods, census.remembered(settings, view.pods), {}, stale)


def _stale_json(stale: tuple[str, float] | None) -> dict[str, Any]:
    return {"error": stale[0], "age_s": round(stale[1])} if stale else {}


def _end(ctx: click.Context, stale: tuple[str, float] | None) -> None:
    if stale:
        why, seconds = stale
        click.echo(plain(f"RunPod does not answer: {why}"), err=True)
        click.echo(f"this is what it said {seconds:.0f} s ago; hint: try again in a minute", err=True)
        ctx.exit(UnreachableError.exit_code)


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
            for name in ("known", "adopted", "moved", "strangers")
        }
        print_json({"ok": not found.strangers, **kinds, "dropped": [one.name for one in found.dropped]})
    else:
        for kind, pods in (
            ("known", found.known),
            ("found again", found.adopted),
            ("moved", found.moved),
            ("nobody's here", found.strangers),
        ):
            for one in pods:
                click.echo(f"{plain(one.name)}  {kind}  {plain(one.id)}  {one.cost:.2f} $ an hour")
        for gone in found.dropped:
            click.echo(f"{gone.name}  rented no more")
        for one in found.strangers:
            click.echo(f"hint: dgops pod terminate {plain(one.id)}", err=True)
    ctx.exit(1 if found.strangers else 0)
