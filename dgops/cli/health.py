"""dgops health: look at hosts at once, one line each, failing checks beneath."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.options import host_option
from dgops.cli.render import ago, coloured, columns, gigabytes, plain, print_json

if TYPE_CHECKING:
    from dgops.health.check import CheckResult
    from dgops.health.look import HostHealth
    from dgops.settings import Settings

HEAD = ("HOST", "STATE", "CHECKS", "GPU", "ROOT", "TORCH", "DEPLOYED")
INTERVAL = 5.0
# Of a cell whose text a host chose.
WIDEST = 40


@click.command()
@host_option(required=False)
@click.option("--all", "show_all", is_flag=True, help="List every check, not only those that do not hold.")
@click.option("--deep", is_flag=True, help="Hash every file of the venvs, not only those that moved.")
@click.option("--watch", is_flag=True, help=f"Look again every {INTERVAL:.0f} s until interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON; with --watch one line a look.")
@click.pass_context
def health(ctx: click.Context, host: str | None, show_all: bool, deep: bool, watch: bool, as_json: bool) -> None:
    """Look at hosts, every one at once, and say what does not hold.

    HOST is an Ansible pattern: a host, a group, a:b, !x; without it every host of the inventory is looked at.
    """
    from dgops.health.look import look_at_all
    from dgops.hosts import inventory

    settings: Settings = ctx.obj
    hosts = inventory.load(settings).select(host or "all")
    while True:
        found = list(look_at_all(hosts, settings, settings.forks, deep))
        _show(found, show_all, as_json, watch)
        if not watch:
            break
        time.sleep(INTERVAL)
    ctx.exit(_exit_code(found))


def to_json(found: list[HostHealth]) -> dict[str, Any]:
    """Return the documented shape of `dgops health --json`."""
    return {
        "ok": _exit_code(found) == 0,
        "hosts": {
            one.host: {
                "outcome": one.outcome.value,
                "seconds": round(one.seconds, 3),
                "checks": [_check_json(result) for result in one.results],
            }
            for one in found
        },
    }


def _check_json(result: CheckResult) -> dict[str, str]:
    return {
        "role": result.check.role,
        "check": result.check.name,
        "kind": result.check.kind,
        "outcome": result.outcome.value,
        "expected": result.expected,
        "observed": result.observed,
    }


def _exit_code(found: list[HostHealth]) -> int:
    outcomes = {one.outcome.value for one in found}
    return 1 if "fail" in outcomes else 3 if "error" in outcomes else 0


def _show(found: list[HostHealth], show_all: bool, as_json: bool, watch: bool) -> None:
    if as_json and watch:
        import json

        click.echo(json.dumps(to_json(found)))
        return
    if as_json:
        print_json(to_json(found))
        return
    if watch:
        click.clear()
    lines = columns([HEAD, *[_row(one) for one in found]])
    click.echo(lines[0])
    for line, one in zip(lines[1:], found, strict=True):
        click.echo(line)
        for result in one.results if show_all else one.failures():
            _show_check(result)
        if one.error and one.error.hint:
            click.echo(f"        mend      {plain(one.error.hint)}")


def _row(one: HostHealth) -> list[str]:
    passed = sum(result.outcome.value == "pass" for result in one.results)
    asked = sum(result.outcome.value != "skip" for result in one.results)
    live = one.facts.get("live", {})
    deployed = f"{ago(one.contract.deployed_at)}, {one.contract.commit}" if one.contract else "-"
    return [
        one.host,
        coloured(one.outcome.value),
        f"{passed}/{asked}",
        plain(_gpu(live.get("gpu"))),
        plain(_root(one.facts.get("disk"))),
        plain(str(live.get("torch", {}).get("version") or "-"))[:WIDEST],
        deployed,
    ]


def _gpu(seen: dict[str, Any] | None) -> str:
    if seen is None:
        return "-"
    gpus = seen.get("gpus") or []
    if not gpus:
        return "none"
    first = gpus[0]
    used = first["total"] - first["free"]
    name = first["name"].replace("NVIDIA ", "").replace("GeForce ", "")
    more = f" ×{len(gpus)}" if len(gpus) > 1 else ""
    return f"{name[:WIDEST]}{more}  {gigabytes(used)} of {gigabytes(first['total'])} GB"


def _root(seen: dict[str, Any] | None) -> str:
    if not seen or not seen["total"]:
        return "-"
    used = 100 * (seen["total"] - seen["free"]) // seen["total"]
    return f"{seen['path'][:WIDEST]} {used} % {seen['type']}"


def _show_check(result: CheckResult) -> None:
    check = result.check
    click.echo(f"  {coloured(result.outcome.value):<4}  {check.role}: {plain(check.name)}")
    if result.outcome.value in ("pass", "skip"):
        return
    click.echo(f"        expected  {plain(result.expected)}")
    click.echo(f"        observed  {plain(result.observed)}")
    if check.mend:
        click.echo(f"        mend      {plain(check.mend)}")
