"""Renting a pod: `dgops pod create`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dgops.cli.pod_card import Card, cloud_option, json_option, keys_of, say, show_card, wait_option
from dgops.cli.pod_limits import tell_otherwise, tell_unguarded

if TYPE_CHECKING:
    from dgops.flows.pod_needs import Asked
    from dgops.settings import Settings


@click.command(short_help="Rent a pod.")
@click.argument("name")
@click.option("--gpu", required=True, metavar="A,B,C", help="GPUs in the order in which they are tried.")
@click.option("--env", "profile", default="", metavar="PROFILE", help="What shall run there, such as cu121.")
@click.option(
    "--recipe", default="", metavar="R", help="Instead: what this recipe wants, GPUs that are too small left out."
)
@cloud_option
@click.option("--spot", is_flag=True, help="At the least bid that is taken: cheaper, and gone when somebody bids more.")
@click.option("--volume", default="", metavar="V", help="Name or id of a network volume, mounted at /workspace.")
@click.option(
    "--volume-gb", type=click.IntRange(min=10), help="Instead: a volume of the pod's own, which goes with it."
)
@click.option("--disk-gb", type=click.IntRange(min=1), default=50, show_default=True, help="Container disk.")
@click.option("--image", default="", help="Instead of the profile's own image.")
@click.option("--key", type=click.Path(path_type=Path), help="Public key that opens it (default: ~/.ssh/id_*.pub).")
@click.option("--ttl", default="", metavar="8h", help="Stopped so long after each start, by itself: 8h, 90m, 45s.")
@click.option("--max-cost", type=click.FloatRange(min=0, min_open=True), metavar="X", help="Stopped at X dollars.")
@wait_option
@json_option
@click.pass_obj
def create(
    settings: Settings,
    name: str,
    gpu: str,
    profile: str,
    recipe: str,
    cloud: str,
    spot: bool,
    volume: str,
    volume_gb: int | None,
    disk_gb: int,
    image: str,
    key: Path | None,
    ttl: str,
    max_cost: float | None,
    wait: float,
    as_json: bool,
) -> None:
    """Rent a pod and wait until your key opens it; a pod of that name that is there already is taken instead.

    The GPUs are tried in order. Where none is to be had nothing is rented. A new pod that does not get ready in time,
    or whose GPU is missing or computes wrongly, is terminated again and the next one tried; so is one on Ctrl-C.
    A recipe of kind train wants the profile that its trainer's lock is built for, of a script `environment` says it.
    At a limit the pod itself spools its edits to its volume and stops; without a volume only --max-cost stops it.
    """
    from dgops.errors import UsageError
    from dgops.pods import budget, census, inventory, limits, rent, wishes
    from dgops.pods.access import Door
    from dgops.pods.account import connected, intents_of

    if volume and volume_gb:
        raise UsageError("say either --volume or --volume-gb", "dgops pod create --help")
    gpus = tuple(one.strip() for one in gpu.split(",") if one.strip())
    wanted = _wanted(name, recipe, profile)
    try:
        asked = limits.asked(settings, ttl, max_cost or 0.0)
    except ValueError as error:
        raise UsageError(f"--ttl: {error}", "dgops pod create --help") from None
    wish = wishes.Wish(
        name, gpus, profile, image, volume, volume_gb or 0, disk_gb, wanted.gpu_count, cloud, spot, asked, wanted.needs
    )
    own = wishes.own_key(key)
    with connected(settings) as provider:
        census.look(provider, settings, say)
        budget.require(provider, settings)
        door = Door(provider, settings, own.identity, say)
        done = rent.rent(provider, intents_of(settings), wish, own, wait, say, door)
        for reason in done.passed:
            say(f"passed over: {reason}")
        say(f"{name}  {done.outcome}")
        if done.outcome == "found":
            tell_otherwise(name, wish, done.pod)
        if not wait:
            tell_unguarded(done.pod)
        show_card(done.pod, keys_of(provider, done.pod), as_json, Card(inventory.in_use(settings)))


def _wanted(name: str, recipe: str, profile: str) -> Asked:
    """Return what a recipe asks of the pod; raises UsageError where neither it nor a person says what shall run."""
    from dgops.errors import UsageError
    from dgops.flows import pod_needs
    from dgops.pods.wishes import Needs
    from dgops.training import prepare

    if not recipe:
        if not profile:
            raise UsageError("nobody says what shall run there", "--env cu121, or --recipe R")
        return pod_needs.Asked(Needs())
    found = pod_needs.of(prepare.find(recipe))
    if not profile and not found.needs.profile:
        raise UsageError(f"{recipe} does not say in which environment it runs", "--env cu121")
    if found.words:
        say(f"{name}  {recipe} wants {found.words}")
    return found
