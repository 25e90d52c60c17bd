"""`dgops sandbox`: hosts on this machine that behave as rented pods and WSL distros do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dgops.cli.discard import discard_options, guard_of
from dgops.cli.render import print_json
from dgops.cli.sandbox_runpod import runpod

if TYPE_CHECKING:
    from dgops.sandbox.hosts import SandboxHost
    from dgops.settings import Settings


@click.group()
def sandbox() -> None:
    """Start and end hosts on this machine that behave as pods and WSL distros do."""


sandbox.add_command(runpod)


@sandbox.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--kind", type=click.Choice(["pod", "wsl"]), default="pod", show_default=True, help="What it behaves as.")
@click.option("--json", "as_json", is_flag=True, help="Print the hosts as JSON.")
@click.pass_obj
def up(settings: Settings, names: tuple[str, ...], kind: str, as_json: bool) -> None:
    """Bring hosts up (default: pod; for wsl: distro). What runs is reused, what stopped is started."""
    from dgops.sandbox import hosts
    from dgops.sandbox.spec import DEFAULT_NAMES, HostSpec

    specs = [HostSpec(name, kind) for name in dict.fromkeys(names or (DEFAULT_NAMES[kind],))]
    found = hosts.up(specs, settings, lambda line: click.echo(line, err=True))
    if as_json:
        _print_json(found)
        return
    for host in found:
        click.echo(f"{host.name}  {host.outcome}  {host.spec.kind} on 127.0.0.1 port {host.port}")
        for fingerprint in host.fingerprints:
            click.echo(f"  host key  {fingerprint}")
        click.echo(f"  {host.ssh_line}")


@sandbox.command()
@discard_options
@click.option("--json", "as_json", is_flag=True, help="Print what went as JSON.")
@click.pass_obj
def down(settings: Settings, discard: bool, agreed: tuple[str, ...], as_json: bool) -> None:
    """Take every host of this sandbox down; only the cached base image is kept.

    Refused where a mapped folder of a host holds edits that are not at home.
    """
    from dgops.flows.guard import before_down
    from dgops.sandbox import teardown

    before_down(settings, guard_of(settings, discard, agreed))
    gone = teardown.down(settings, lambda line: click.echo(line, err=True))
    if as_json:
        print_json({"ok": True, "removed": list(gone.hosts), "cache": str(gone.cache)})
        return
    click.echo(f"removed {', '.join(gone.hosts)}" if gone.hosts else "no sandbox is up")
    if gone.cache.is_dir():
        click.echo(f"kept the base image in {gone.cache}")
    for folder in gone.others:
        click.echo(f"another sandbox still stands on this machine: {folder}", err=True)


@sandbox.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the hosts as JSON.")
@click.pass_obj
def list_hosts(settings: Settings, as_json: bool) -> None:
    """List the hosts of this sandbox and how each stands."""
    from dgops.sandbox import hosts

    found = hosts.listed(settings)
    if as_json:
        _print_json(found)
        return
    if not found:
        click.echo("no sandbox is up; start one: dgops sandbox up", err=True)
    for host in found:
        click.echo(f"{host.name:<16}{host.spec.kind:<5}{host.status:<9}{host.port:<7}{host.spec.distro}")


def _print_json(found: list[SandboxHost]) -> None:
    print_json({"ok": True, "hosts": {host.name: _as_json(host) for host in found}})


def _as_json(host: SandboxHost) -> dict[str, Any]:
    return {
        "kind": host.spec.kind,
        "distro": host.spec.distro,
        "status": host.status,
        "outcome": host.outcome or None,
        "port": host.port,
        "user": host.spec.user,
        "fingerprints": list(host.fingerprints),
        "ssh": list(host.ssh),
    }
