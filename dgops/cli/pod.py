"""dgops pod: what is for rent, what is rented, and renting it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.discard import discard_options, guard_of
from dgops.cli.render import plain, print_json
from dgops.errors import DgopsError

if TYPE_CHECKING:
    from dgops.pods.models import Pod
    from dgops.pods.provider import Provider
    from dgops.settings import Settings

# A busy provider takes its time; whoever printed no keys is waited for that long.
LOG_SECONDS = 10.0
wait_option = click.option(
    "--wait", type=click.FloatRange(min=0), default=600.0, show_default=True, help="Seconds until SSH answers; 0: none."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group()
def pod() -> None:
    """Rent pods at RunPod, with the key RUNPOD_API_KEY of the keyring or the environment."""


@pod.command(short_help="What is for rent where, at which price, and what runs on it.")
@click.option("--gpu", multiple=True, metavar="NAME", help="Only this GPU, such as 'RTX 4090'; may be given again.")
@click.option("--env", "profile", default="", metavar="PROFILE", help="Only what runs this profile, such as cu121.")
@click.option("--max-price", type=click.FloatRange(min=0), default=0.0, metavar="X", help="At most X dollars an hour.")
@json_option
@click.pass_context
def offers(ctx: click.Context, gpu: tuple[str, ...], profile: str, max_price: float, as_json: bool) -> None:
    """List each GPU in each data centre with price, stock, VRAM and the profiles of torch that run on it.

    Where one cannot, the reason stands below. Exit 1 where nothing is in stock that would do.
    """
    from dgops.cli import pod_lines
    from dgops.pods import offers as room
    from dgops.pods.account import connected

    with connected(ctx.obj) as provider:
        gpus = provider.gpus()
    found = room.offers(room.choose(gpus, gpu) if gpu else gpus, profile, max_price)
    good = any(one.stock not in ("none", "") and (one.fits or not profile) for one in found)
    if as_json:
        print_json({"ok": good, "offers": [pod_lines.offer_json(one) for one in found]})
    else:
        for line in pod_lines.offers(found, profile):
            click.echo(line)
        if not good:
            click.echo("nothing of that is to be had now", err=True)
    ctx.exit(0 if good else 1)


@pod.command("list", short_help="What is rented, and what it costs.")
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


@pod.command(short_help="How one pod stands, and how to get in.")
@click.argument("name")
@json_option
@click.pass_obj
def show(settings: Settings, name: str, as_json: bool) -> None:
    """Show one pod, by name or id: how it stands, the host keys that it printed at its start, and the next command."""
    from dgops.pods import names, ready
    from dgops.pods.account import connected

    with connected(settings) as provider:
        found = names.find(provider, name)
        keys = ready.host_keys(provider, found.id, LOG_SECONDS) if found.ssh else {}
    _show(found, keys, as_json)


@pod.command(short_help="Network volumes.")
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


@pod.command(short_help="Rent a pod.")
@click.argument("name")
@click.option("--gpu", required=True, metavar="A,B,C", help="GPUs in the order in which they are tried.")
@click.option("--env", "profile", required=True, metavar="PROFILE", help="What shall run there, such as cu121.")
@click.option("--volume", default="", metavar="V", help="Name or id of a network volume, mounted at /workspace.")
@click.option(
    "--volume-gb", type=click.IntRange(min=10), help="Instead: a volume of the pod's own, which goes with it."
)
@click.option("--disk-gb", type=click.IntRange(min=1), default=50, show_default=True, help="Container disk.")
@click.option("--image", default="", help="Instead of the profile's own image.")
@click.option("--key", type=click.Path(path_type=Path), help="Public key that opens it (default: ~/.ssh/id_*.pub).")
@wait_option
@json_option
@click.pass_obj
def create(
    settings: Settings,
    name: str,
    gpu: str,
    profile: str,
    volume: str,
    volume_gb: int | None,
    disk_gb: int,
    image: str,
    key: Path | None,
    wait: float,
    as_json: bool,
) -> None:
    """Rent a pod and wait until its SSH server answers; a pod of that name that is there already is taken instead.

    The GPUs are tried in order. Where none is to be had nothing is rented, and a new pod that does not get ready
    in time is terminated again.
    """
    from dgops.errors import UsageError
    from dgops.pods import rent, wishes
    from dgops.pods.account import connected, intents_of

    if volume and volume_gb:
        raise UsageError("say either --volume or --volume-gb", "dgops pod create --help")
    gpus = tuple(one.strip() for one in gpu.split(",") if one.strip())
    wish = wishes.Wish(name, gpus, profile, image, volume, volume_gb or 0, disk_gb)
    with connected(settings) as provider:
        done = rent.rent(provider, intents_of(settings), wish, wishes.public_key(key), wait, _say)
        for reason in done.passed:
            _say(f"passed over: {reason}")
        _say(f"{name}  {done.outcome}")
        _show(done.pod, _keys(provider, done.pod), as_json)


@pod.command(short_help="Start a stopped pod.")
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
            _say(f"{name}  is {found.status.lower()} already")
        if wait:
            found = ready.wait(provider, found.id, wait, _say)
        _show(found, _keys(provider, found), as_json)
    if wait and not found.gpu_count:
        raise DgopsError(
            f"{name} started without a GPU: others took it", f"dgops pod stop {name}, and create one on the same volume"
        )


@pod.command(short_help="Stop a pod; its volume stays.")
@click.argument("name")
@discard_options
@json_option
@click.pass_obj
def stop(settings: Settings, name: str, discard: bool, agreed: tuple[str, ...], as_json: bool) -> None:
    """Stop a pod: the container disk is wiped, a volume is kept and costs on; the GPU goes to others.

    Refused where edits in mapped folders, or outputs of jobs, are not home.
    """
    from dgops.flows.pod_end import before_end
    from dgops.pods import names
    from dgops.pods.account import connected

    with connected(settings) as provider:
        found = names.find(provider, name)
        if "stop" not in found.actions:
            _say(f"{name}  is {found.status.lower()} already")
        else:
            before_end(settings, names.short(found.name), guard_of(settings, discard, agreed))
            found = provider.stop(found.id)
    _show(found, {}, as_json)


@pod.command(short_help="End a pod for good.")
@click.argument("name")
@discard_options
@json_option
@click.pass_obj
def terminate(settings: Settings, name: str, discard: bool, agreed: tuple[str, ...], as_json: bool) -> None:
    """End a pod for good, with the volume of its own; a network volume stays.

    Refused where edits in mapped folders, or outputs of jobs, are not home.
    """
    from dgops.flows.pod_end import before_end
    from dgops.pods import names
    from dgops.pods.account import connected, intents_of

    with connected(settings) as provider:
        found = names.find(provider, name)
        short = names.short(found.name)
        before_end(settings, short, guard_of(settings, discard, agreed))
        provider.terminate(found.id)
    intents = intents_of(settings)
    if intents.all().get(short) and intents.all()[short].pod_id in ("", found.id):
        intents.drop(short)
    if as_json:
        print_json({"ok": True, "terminated": {"id": found.id, "name": short}})
        return
    click.echo(f"{plain(short)}  terminated  {plain(found.id)}")


@pod.command(short_help="Find pods that nobody here knows of.")
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


def _keys(provider: Provider, found: Pod) -> dict[str, str]:
    from dgops.pods import ready

    return ready.host_keys(provider, found.id, LOG_SECONDS) if found.ssh else {}


def _show(found: Pod, keys: dict[str, str], as_json: bool) -> None:
    from dgops.cli import pod_lines
    from dgops.pods.names import short

    if as_json:
        print_json({"ok": True, "pod": pod_lines.pod_json(found), "host_keys": keys})
        return
    name = plain(short(found.name))
    where = f"{pod_lines.gpu_of(found)}  {found.data_center or '-'}  {found.cost:.2f} $ an hour"
    click.echo(plain(f"{name}  {found.status.lower()}  {where}"))
    volume = f" (network volume {found.volume_id})" if found.volume_id else ""
    rows: list[tuple[str, Any]] = [
        ("id", found.id),
        ("image", found.image),
        ("root", f"{found.root or 'none'}{volume}"),
    ]
    for label, value in (*rows, *(("host key", f"{mark} ({kind})") for kind, mark in keys.items())):
        click.echo(plain(f"  {label:<9} {value}"))
    if found.ssh:
        line = f"ssh {found.ssh.user}@{found.ssh.host} -p {found.ssh.port}"
        mark = next((f" --fingerprint {keys[kind]}" for kind in ("ED25519", "ECDSA", "RSA") if kind in keys), "")
        click.echo(plain(f"next: dgops hosts add {name} '{line}'{mark}"), err=True)


def _say(text: str) -> None:
    click.echo(plain(text), err=True)
