"""dgops health: look at hosts at once, one line each, failing checks beneath."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.options import host_option
from dgops.cli.render import ago, coloured, columns, gigabytes, plain, print_json
from dgops.errors import UsageError

if TYPE_CHECKING:
    from dgops.health.check import CheckResult
    from dgops.health.look import HostHealth
    from dgops.settings import Settings

HEAD = ("HOST", "STATE", "CHECKS", "GPU", "ROOT", "TORCH", "DEPLOYED")
INTERVAL = 5.0
REPORTS = {"junit": "dgops.health.report_junit", "prometheus": "dgops.health.report_prometheus"}
FORMATS = ("text", "json", *REPORTS)
# Of a cell whose text a host chose.
WIDEST = 40


@click.command()
@host_option(required=False)
@click.option("--all", "show_all", is_flag=True, help="List every check, not only those that do not hold.")
@click.option("--deep", is_flag=True, help="Hash venvs and model files whole, not only what moved: takes minutes.")
@click.option("--fix", is_flag=True, help="Run the roles whose state checks fail, then look again.")
@click.option("--watch", is_flag=True, help=f"Look again every {INTERVAL:.0f} s until interrupted.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="How the result is printed; text by default.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json; with --watch one line a look.")
@click.pass_context
def health(
    ctx: click.Context,
    host: str | None,
    show_all: bool,
    deep: bool,
    fix: bool,
    watch: bool,
    form: str | None,
    as_json: bool,
) -> None:
    """Look at hosts, every one at once, and say what does not hold.

    HOST is an Ansible pattern: a host, a group, a:b, !x; without it every host of the inventory is looked at.
    """
    from dgops.health.look import look_at_all
    from dgops.hosts import inventory

    form = _form(form, as_json, watch)
    if fix and watch:
        raise UsageError("--fix mends once, and --watch looks for ever", "give one of them")
    settings: Settings = ctx.obj
    known = inventory.load(settings)
    hosts = known.select(host or "all")
    while True:
        found = list(look_at_all(hosts, settings, settings.forks, deep=deep))
        if fix:
            from dgops.cli import health_fix

            if health_fix.fix(found, known, settings, verbose=ctx.meta["dgops.verbose"], quiet=form != "text"):
                found = list(look_at_all(hosts, settings, settings.forks, deep=deep))
        _show(found, show_all, form, watch)
        if not watch:
            break
        time.sleep(INTERVAL)
    ctx.exit(_exit_code(found))


def _form(form: str | None, as_json: bool, watch: bool) -> str:
    """Return the one form that was asked for; raises UsageError where two were."""
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} ask for two forms", "leave one of them away")
    chosen = "json" if as_json else form or "text"
    if watch and chosen in REPORTS:
        raise UsageError(f"a {chosen} report is of one look", "leave --watch away, and run it again and again")
    return chosen


def _exit_code(found: list[HostHealth]) -> int:
    outcomes = {one.outcome.value for one in found}
    return 1 if "fail" in outcomes else 3 if "error" in outcomes else 0


def _show(found: list[HostHealth], show_all: bool, form: str, watch: bool) -> None:
    if form in REPORTS:
        from importlib import import_module

        click.echo(plain(import_module(REPORTS[form]).render(found)).rstrip("\n"))
    elif form == "json" and watch:
        import json

        from dgops.health.report_json import to_json

        click.echo(json.dumps(to_json(found)))
    elif form == "json":
        from dgops.health.report_json import to_json

        print_json(to_json(found))
    else:
        if watch:
            click.clear()
        _show_text(found, show_all)


def _show_text(found: list[HostHealth], show_all: bool) -> None:
    lines = columns([HEAD, *[_row(one) for one in found]])
    click.echo(lines[0])
    for line, one in zip(lines[1:], found, strict=True):
        click.echo(line)
        for result in one.results if show_all else one.failures():
            _show_check(one, result)
    if len(found) > 1:
        click.echo(_summary(found))


def _summary(found: list[HostHealth]) -> str:
    """Return one line for all hosts; a column is soon longer than a screen."""
    counts = Counter(one.outcome.value for one in found)
    words = {"pass": "healthy", "fail": "not healthy", "error": "not to be looked at"}
    said = ", ".join(f"{counts[outcome]} {word}" for outcome, word in words.items() if counts[outcome])
    return f"{len(found)} hosts: {said}"


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


def _show_check(one: HostHealth, result: CheckResult) -> None:
    check, word = result.check, result.outcome.value
    # A check that passes or does not apply takes one line, with what was seen.
    seen = f": {result.observed}" if word in ("pass", "skip") else ""
    click.echo(f"  {coloured(word)}  {check.role}: {plain(check.name + seen)}")
    if seen:
        return
    mend = one.mend(result)
    # Where nobody could look, the name alone says what was expected.
    rows = {"expected": "" if word == "error" else result.expected, "observed": result.observed, "mend": mend}
    for name, text in rows.items():
        if text:
            click.echo(f"        {name:<8}  {plain(text)}")
