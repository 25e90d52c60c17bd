"""dgops apps: what is cloned on hosts, where it stands, and what upstream has newer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.options import host_option
from dgops.cli.render import columns, plain, print_error, print_json
from dgops.errors import DgopsError, UnreachableError, UsageError
from dgops.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from dgops.hosts.host import Host
    from dgops.repos.apps import Standing, Upstream
    from dgops.settings import Settings

    Row = TypeVar("Row", Standing, Upstream)

HEAD = ("HOST", "APP", "STATE", "AT", "EDITS")
NEWS = ("HOST", "APP", "PIN", "UPSTREAM", "RELEASE")
MOST_FILES = 8
SHORT = 10
# Of the apps those that are no clone of anything.
UNCLONED = {"tiny"}
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group()
def apps() -> None:
    """List the apps that roles cloned onto hosts (dgops_apps), and say what upstream has newer."""


@apps.command("list")
@host_option(required=False)
@json_option
@click.pass_context
def list_apps(ctx: click.Context, host: str | None, as_json: bool) -> None:
    """List every app of every host: where it stands and what was edited in it; exit 1 where one is not at its pin."""
    from dgops.repos.apps import standings

    found, errors = _each(ctx.obj, host, standings)
    rows = [(one, row) for one, given in found for row in given]
    if as_json:
        print_json({one.name: [row.to_json() for row in given] for one, given in found})
    elif rows:
        _show_standings(rows)
    elif not errors:
        click.echo(_none([one for one, _ in found]), err=True)
    _end(ctx, errors, all(row.state == "pinned" for _, row in rows))


def _show_standings(rows: Sequence[tuple[Host, Standing]]) -> None:
    cells = [
        [
            one.name,
            row.app.name,
            row.state,
            plain(f"{row.commit[:SHORT]} {row.named}".strip() or "-"),
            ", ".join(filter(None, (_count(row.edits, "file"), _count(row.commits, "commit")))) or "none",
        ]
        for one, row in rows
    ]
    lines = columns([HEAD, *cells])
    click.echo(lines[0])
    for line, (one, row) in zip(lines[1:], rows, strict=True):
        click.echo(line)
        if row.trouble:
            click.echo(f"  {plain(row.trouble)}")
        for path in row.files[:MOST_FILES]:
            click.echo(f"  M {plain(path)}")
        if row.edits > MOST_FILES:
            click.echo(f"  and {row.edits - MOST_FILES} more")
        if row.state in ("moved", "absent"):
            click.echo(f"  wants {row.app.commit[:SHORT]}:  dgops deploy --host {one.name}")


def _count(number: int, what: str) -> str:
    return counted(number, what) if number else ""


@apps.command()
@host_option(required=False)
@click.option("--dry-run", is_flag=True, help="Ask upstream, and change nothing; the only form that there is.")
@json_option
@click.pass_context
def update(ctx: click.Context, host: str | None, dry_run: bool, as_json: bool) -> None:
    """Say what upstream has that the pins do not.

    A pin is a variable of the inventory: what is printed goes there, and a deploy then moves the clone.
    """
    from dgops.repos.apps import upstreams

    if not dry_run:
        raise UsageError(
            "an app moves by its pin, which stands in the inventory",
            "dgops apps update --dry-run says what is newer; set it there (comfyui__commit: …), then dgops deploy",
        )
    found, errors = _each(ctx.obj, host, upstreams)
    rows = [(one, row) for one, given in found for row in given]
    if as_json:
        print_json({one.name: [row.to_json() for row in given] for one, given in found})
    elif rows:
        _show_upstreams(rows)
    elif not errors:
        click.echo(_none([one for one, _ in found]), err=True)
    _end(ctx, errors, not any(row.trouble for _, row in rows))


def _show_upstreams(rows: Sequence[tuple[Host, Upstream]]) -> None:
    cells = []
    for one, row in rows:
        ahead = "?" if row.newer is None else _count(row.newer, "commit") + " newer" if row.newer else "the same"
        tip = f"{row.branch} {row.tip[:SHORT]}, {ahead}" if row.tip else "-"
        release = f"{row.release} {row.release_commit[:SHORT]}" if row.release else "-"
        cells.append([one.name, row.app.name, row.app.commit[:SHORT], plain(tip), plain(release)])
    lines = columns([NEWS, *cells])
    click.echo(lines[0])
    for line, (_, row) in zip(lines[1:], rows, strict=True):
        click.echo(line)
        if row.trouble:
            click.echo(f"  {plain(row.trouble)}")
        elif row.gone:
            click.echo("  no branch or tag of upstream holds the pin any more: its history was rewritten")
        if row.newer:
            click.echo(f"  {_variable(row)}: {row.tip}")


def _none(hosts: Sequence[Host]) -> str:
    """Say why there is no clone on hosts."""
    asked = sorted({str(name) for one in hosts for name in one.variables.get("dgops_apps") or ()} - UNCLONED)
    if asked:
        return f"not cloned yet: {', '.join(asked)}: dgops deploy does"
    if any(one.variables.get("dgops_apps") for one in hosts):
        return "no clone was asked for: tiny is nothing but a venv, which dgops health looks at"
    return "no app was asked for: dgops_apps names them in the inventory"


def _variable(row: Upstream) -> str:
    # A custom node's pin stands in the list of them.
    node = "/custom_nodes/" in row.app.path
    return f"commit of {row.app.name} in {row.app.role}__custom_nodes" if node else f"{row.app.role}__commit"


def _each(
    settings: Settings, pattern: str | None, ask: Callable[[Host, Settings], tuple[Row, ...]]
) -> tuple[list[tuple[Host, tuple[Row, ...]]], list[DgopsError]]:
    """Return the answer of each host, and the errors of those that gave none; hosts never deployed are passed over."""
    from dgops.health import contract
    from dgops.health.fanout import each
    from dgops.hosts import inventory

    def asked(host: Host) -> tuple[Row, ...] | DgopsError:
        try:
            return ask(host, settings)
        except DgopsError as error:
            return error

    hosts = inventory.load(settings).select(pattern or "all")
    if pattern is None:
        hosts = [one for one in hosts if contract.path_of(settings.state, one.name).exists()]
    answers = list(zip(hosts, each(asked, hosts, settings.forks), strict=True))
    good = [(one, answer) for one, answer in answers if not isinstance(answer, DgopsError)]
    return good, [answer for _, answer in answers if isinstance(answer, DgopsError)]


def _end(ctx: click.Context, errors: Sequence[DgopsError], good: bool) -> None:
    for error in errors:
        print_error(error)
    wrong = not good or any(not isinstance(one, UnreachableError) for one in errors)
    ctx.exit(1 if wrong else 3 if errors else 0)
