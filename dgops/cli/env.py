"""dgops env: which environment runs where, and the locks of environments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dgops.cli.options import host_option
from dgops.cli.render import columns, plain, print_json
from dgops.errors import DgopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.environments.locking import Locked
    from dgops.environments.verdict import Place, ProfileVerdict
    from dgops.hosts.host import Host
    from dgops.settings import Settings

COULD_NOT_LOOK = 3
GPU = {"kind": "live", "type": "gpu"}


@click.group()
def env() -> None:
    """Say which environment runs where, and lock environments."""


@env.command(short_help="Say which profiles work on a host or a GPU, and why not.")
@host_option(required=False)
@click.option("--gpu", metavar="NAME", help="A GPU instead of a host, such as 'RTX 4090'.")
@click.option("--driver", metavar="VERSION", help="With --gpu: the driver's version, such as 550.54.15.")
@click.option("--trainer", metavar="NAME", help="What shall run there: sd-scripts, musubi, ai-toolkit or comfyui.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.pass_context
def verdict(
    ctx: click.Context, host: str | None, gpu: str | None, driver: str | None, trainer: str | None, as_json: bool
) -> None:
    """Say for each profile whether it works there, or the reason why not and who states it.

    Nothing is installed. Exit 0 where some profile works, 1 where none does.
    """
    from dgops.environments import trainers
    from dgops.environments import verdict as verdicts

    if bool(host) == bool(gpu) or bool(gpu) != bool(driver):
        raise UsageError("say either --host, or both --gpu and --driver", "dgops env verdict --help")
    releases = trainers.releases(trainer) if trainer else ()
    places = _places_of(ctx.obj, host) if host else [_place(gpu or "", driver or "", ctx.obj.mode or "production")]
    found = verdicts.together(verdicts.verdict(place, releases) for place in places)
    best = verdicts.recommended(found)
    if as_json:
        print_json(_verdict_json(host, places, trainer, found, best))
    else:
        _show(places, trainer, found, best)
    ctx.exit(0 if best else 1)


def _place(name: str, driver: str, mode: str) -> Place:
    from dgops.environments import gpus
    from dgops.environments.verdict import Place, branch

    branch(driver)
    return Place(gpus.find(name), driver, mode)


def _places_of(settings: Settings, pattern: str) -> list[Place]:
    """Ask a host for its GPUs; raises DgopsError where it shows none and production needs one."""
    from dgops.environments.verdict import FAST_TEST, Place

    host = _one_host(settings, pattern)
    mode = settings.mode or str(host.variables.get("dgops_mode") or "production")
    seen, reason = _gpus_of(settings, host)
    if seen:
        return [_known(host, name, driver, mode) for name, driver in dict.fromkeys(seen)]
    if mode != FAST_TEST:
        raise DgopsError(f"no GPU was seen on {host.name}: {reason}", "nvidia-smi -L must list one there")
    return [Place(None, "", mode)]


def _known(host: Host, name: str, driver: str, mode: str) -> Place:
    try:
        return _place(name, driver, mode)
    except UsageError as error:
        raise DgopsError(f"{host.name}: {error.message}", error.hint) from None


def _one_host(settings: Settings, pattern: str) -> Host:
    from dgops.hosts import inventory

    found = inventory.load(settings).select(pattern)
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise UsageError(f"one host at a time, and {pattern} names {len(found)}: {names}", f"--host {found[0].name}")
    return found[0]


def _gpus_of(settings: Settings, host: Host) -> tuple[list[tuple[str, str]], str]:
    """Return name and driver of each GPU that the agent sees, and else why there is none."""
    from dgops.health.judge import one_line
    from dgops.transport import agent
    from dgops.transport.connect import connect

    transport = connect(host, settings)
    try:
        answer = agent.call(transport, "probe", {"checks": [GPU]})
    finally:
        transport.close()
    try:
        observation = answer["observations"][0]
        seen = observation.get("seen") or {}
        found = [(one_line(gpu["name"]), one_line(gpu["driver"])) for gpu in seen.get("gpus", [])]
        return found, one_line(seen.get("reason") or observation.get("error") or "the driver lists none")
    except (AttributeError, IndexError, KeyError, TypeError):
        # The host may be anything.
        raise DgopsError(
            f"{host.name} answered the probe with something else", "is this the host that you mean?"
        ) from None


def _verdict_json(
    host: str | None, places: Sequence[Place], trainer: str | None, found: Sequence[ProfileVerdict], best: str | None
) -> dict[str, Any]:
    from dgops.environments.profiles import sm

    gpus = [
        {"name": place.gpu.name, "architecture": sm(place.gpu.capability), "driver": place.driver}
        for place in places
        if place.gpu
    ]
    rows = [{"profile": one.profile, "ok": one.ok, "reason": one.reason, "source": one.source} for one in found]
    return {
        "ok": best is not None,
        "host": host,
        "mode": places[0].mode,
        "gpus": gpus,
        "trainer": trainer,
        "recommended": best,
        "profiles": rows,
    }


def _show(places: Sequence[Place], trainer: str | None, found: Sequence[ProfileVerdict], best: str | None) -> None:
    from dgops.environments.profiles import sm

    for place in places:
        gpu = place.gpu
        what = f"{gpu.name}  {sm(gpu.capability)}  {gpu.architecture}  driver {place.driver}" if gpu else "no GPU"
        click.echo(plain(f"{what}  {place.mode}" + (f"  {trainer}" if trainer else "")), err=True)
    rows = [
        (
            one.profile,
            click.style("yes", fg="green") if one.ok else click.style("no", fg="red"),
            "recommended" if one.profile == best else "",
            f"{plain(one.reason)}  [{one.source}]",
        )
        for one in found
    ]
    for line in columns(rows):
        click.echo(line)


@env.command(short_help="Lock environments with their hashes.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--profile", metavar="NAME", help="For another profile than its own; the lock is then NAME-PROFILE.")
@click.option("--index", metavar="URL|FOLDER", help="Where the torch family comes from, in place of the profile's.")
@click.option("--json", "as_json", is_flag=True, help="Print what became of each lock as JSON.")
@click.pass_context
def lock(ctx: click.Context, names: tuple[str, ...], profile: str | None, index: str | None, as_json: bool) -> None:
    """Lock environments, all or those named, and complete the hashes of the torch family where its index answers.

    A lock whose index does not answer names what it lacks and is refused by deploy; no other build goes in its
    place. Exit 3 where a lock is left incomplete.
    """
    from dgops.environments import locking, locks, profiles

    for name in names:
        locks.wanted(name)
    if profile:
        profiles.get(profile)
    done = []
    for name in names or locks.names():
        done.append(locking.lock(name, profile, index))
        if not as_json:
            _say(done[-1])
    whole = not any(one.missing for one in done)
    if as_json:
        print_json({"ok": whole, "locks": {one.name: _lock_json(one) for one in done}})
    ctx.exit(0 if whole else COULD_NOT_LOOK)


def _say(done: Locked) -> None:
    state = click.style("incomplete", fg="yellow") if done.missing else click.style("locked", fg="green")
    lacks = f"  lacks {' '.join(done.missing)}: {done.why}" if done.missing else ""
    click.echo(plain_line(f"{done.name:<12}  ", state, f"  {done.packages} packages, {done.profile}{lacks}"))


def plain_line(head: str, state: str, rest: str) -> str:
    """Return a line whose state is coloured and whose rest is harmless."""
    return f"{plain(head)}{state}{plain(rest)}"


def _lock_json(done: Locked) -> dict[str, Any]:
    return {
        "path": str(done.path),
        "profile": done.profile,
        "packages": done.packages,
        "missing": list(done.missing),
        "why": done.why or None,
    }
