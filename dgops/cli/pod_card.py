"""One pod as it is shown, and the options that the pod commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.render import plain, print_json

if TYPE_CHECKING:
    from dgops.pods.models import Pod
    from dgops.pods.provider import Provider
    from dgops.pods.truth import Standing

# A busy provider takes its time; whoever printed no keys is waited for that long.
LOG_SECONDS = 10.0
wait_option = click.option(
    "--wait", type=click.FloatRange(min=0), default=600.0, show_default=True, help="Seconds until SSH answers; 0: none."
)
cloud_option = click.option(
    "--cloud",
    type=click.Choice(["secure", "community"]),
    default="secure",
    show_default=True,
    help="Whose machines: of data centres, or of anybody.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def keys_of(provider: Provider, found: Pod) -> dict[str, str]:
    """Return the fingerprints that a pod printed at its start, where it can be reached at all."""
    from dgops.pods import ready

    return ready.host_keys(provider, found.id, LOG_SECONDS) if found.ssh else {}


@dataclass(frozen=True)
class Card:
    """What is known besides the pod: whether the inventory lists it, how it stands, and what it has cost."""

    host: bool = False
    standing: Standing | None = None
    spent: float = 0.0


def show_card(found: Pod, keys: dict[str, str], as_json: bool, card: Card = Card(), **more: Any) -> None:
    """Print a pod: how it stands, what is in it, its limits, and the next command."""
    from dgops.cli import pod_lines
    from dgops.pods.names import short

    host, standing = card.host, card.standing
    if as_json:
        print_json({"ok": "error" not in more, "pod": pod_lines.pod_json(found, standing), "host_keys": keys, **more})
        return
    name = plain(short(found.name))
    where = f"{pod_lines.gpu_of(found)}  {found.data_center or '-'}  {found.cost:.2f} $ an hour"
    where += ", spot" if standing and standing.spot else ""
    click.echo(plain(f"{name}  {standing.word if standing else found.status.lower()}  {where}"))
    if standing and standing.why:
        click.echo(plain(f"  {standing.why}"))
    volume = f" (network volume {found.volume_id})" if found.volume_id else ""
    rows: list[tuple[str, Any]] = [
        ("id", found.id),
        ("image", found.image),
        ("root", f"{found.root or 'none'}{volume}"),
    ]
    rows += [("limits", one) for one in [pod_lines.limits_of(found, card.spent)] if one]
    for label, value in (*rows, *(("host key", f"{mark} ({kind})") for kind, mark in keys.items())):
        click.echo(plain(f"  {label:<9} {value}"))
    if standing and standing.next:
        click.echo(plain(f"next: {standing.next}"), err=True)
    elif found.ssh and host:
        click.echo(f"next: dgops deploy --host {name}", err=True)
    elif found.ssh:
        line = f"ssh {found.ssh.user}@{found.ssh.host} -p {found.ssh.port}"
        mark = next((f" --fingerprint {keys[kind]}" for kind in ("ED25519", "ECDSA", "RSA") if kind in keys), "")
        click.echo(plain(f"next: dgops hosts add {name} '{line}'{mark}"), err=True)


def say(text: str) -> None:
    """Tell a person what goes on."""
    click.echo(plain(text), err=True)
