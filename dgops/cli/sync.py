"""dgops sync: options in, one line for each host and repository, what changed beneath it, and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.options import host_option
from dgops.cli.render import columns, plain, print_error, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.sync.maps import Shared
    from dgops.sync.reconcile import Change
    from dgops.sync.result import Result

HEAD = ("HOST", "REPO", "MAP", "HOST PATH", "STATE")
SHORT = 7
MOST_LISTED = 12
PER_LINE = 2
WIDTH = 100


@click.command()
@host_option(required=False)
@click.option("--status", "status", is_flag=True, help="Show how both sides stand, and change nothing.")
@click.option("--dry-run", is_flag=True, help="Merge in memory, say what a sync would do, and change nothing.")
@click.option(
    "--from",
    "source",
    type=click.Choice(("local", "host")),
    help="For a fresh replica: fill it from the local repository, or take what is on the host as an edit.",
)
@click.option("--allow-deletes", is_flag=True, help="Believe a side that lost more than a fifth of its files.")
@click.option("--message", "-m", default="", metavar="TEXT", help="What the commit of a host's edits says first.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def sync(
    ctx: click.Context,
    host: str | None,
    status: bool,
    dry_run: bool,
    source: str | None,
    allow_deletes: bool,
    message: str,
    as_json: bool,
) -> None:
    """Bring edits on hosts home as commits, send what is newer at home there, and prove that both are equal.

    The folders are the [[sync.map]] tables of dgops.toml. HOST is an Ansible pattern; without it every mapped
    host is synced. A side that changed the same lines goes to a branch, and nothing is overwritten.
    """
    from dgops.errors import UsageError
    from dgops.sync import maps
    from dgops.sync.result import exit_code, to_json
    from dgops.sync.run import sync_all
    from dgops.sync.scene import Wish

    if status and (dry_run or source or allow_deletes or message):
        raise UsageError("--status only looks", "give it alone, or with --host and --json")
    settings: Settings = ctx.obj
    shared = maps.load(settings)
    hosts = _chosen(settings, shared, host)
    wish = Wish(status, dry_run, source or "", allow_deletes, message)
    results = []
    for result in sync_all(hosts, shared, settings, wish, _say):
        results.append(result)
        if not as_json and not status:
            _show(result, dry_run)
    if as_json:
        print_json(to_json(results, looking=wish.looking))
    elif status:
        _show_table(results)
    ctx.exit(exit_code(results, looking=wish.looking))


def _chosen(settings: Settings, shared: Sequence[Shared], pattern: str | None) -> list[Host]:
    """Return the mapped hosts that a pattern names; raises UsageError where there is none."""
    from dgops.errors import UsageError
    from dgops.hosts import inventory

    mapped = {one.host for one in shared}
    known = inventory.load(settings)
    if pattern is None:
        for name in sorted(mapped - set(known.hosts)):
            _say(f"{name}: a [[sync.map]] names it, and no inventory has it; left out")
    hosts = [one for one in known.select(pattern or "all") if one.name in mapped]
    if not hosts:
        raise UsageError(
            f"no [[sync.map]] names {pattern}" if pattern else "no host of the inventory is mapped",
            f"mapped hosts: {', '.join(sorted(mapped))}",
        )
    return hosts


def _line(text: str) -> str:
    """Return a host's text as one line: a name with a line break must not write lines of its own."""
    return plain("?".join(text.splitlines()))


def _say(text: str) -> None:
    click.echo(plain(text), err=True)


def _show(one: Result, dry: bool) -> None:
    """Print one result: the headline, the paths, what became of it; trouble goes to stderr with its next step."""
    name = f"{one.shared.host} → {one.shared.name}"
    if one.outcome not in ("conflict", "refused", "fresh", "unreachable") or one.refused:
        click.echo(f"{name}   {_headline(one)}")
        for line in _listed([*one.changes, *one.pushed] if not one.changes else one.changes):
            click.echo(line)
        if one.changes or one.pushed:
            proof = "parity" if one.parity and not dry else ""
            click.echo(f"{_done(one, dry):<32}   {proof}".rstrip())
    for skipped in one.skipped:
        word = "refused" if skipped.hostile else "left out"
        click.echo(f"  {word}  {_line(skipped.path)}: {_line(skipped.reason)}", err=True)
    if one.error:
        print_error(one.error)
    elif one.refused:
        click.echo("hint: remove them there, or name them in .gitignore if they are not meant to come home", err=True)


def _headline(one: Result) -> str:
    parts = []
    if one.changes:
        since = f" since {one.since[:SHORT]}" if one.since else ""
        parts.append(f"{_files(one.changes)} edited on {one.shared.host}{since}")
    if one.pushed:
        parts.append(f"{_files(one.pushed)} newer at home")
    if not parts:
        where = f" at {one.base[:SHORT]}" if one.base else ""
        return f"parity{where}" if one.parity else "nothing to do"
    return ", ".join(parts)


def _done(one: Result, dry: bool) -> str:
    parts = []
    if one.changes:
        verb = "merged" if one.outcome == "merged" else "committed"
        parts.append(f"would be {verb} on {one.onto}" if dry else f"{verb} {one.commit[:SHORT]} on {one.onto}")
    if one.pushed:
        parts.append("would be pushed" if dry else f"{len(one.pushed)} pushed")
    return ", ".join(parts)


def _files(changes: Sequence[Change]) -> str:
    return f"{len(changes)} file{'s' if len(changes) > 1 else ''}"


def _listed(changes: Sequence[Change]) -> list[str]:
    """Return the changed paths, two on a line where they fit."""
    cells = [f"{one.kind} {plain(one.path)}" for one in changes[:MOST_LISTED]]
    lines: list[str] = []
    for cell in cells:
        joined = f"{lines[-1]}    {cell}" if lines else ""
        if lines and len(joined) <= WIDTH and lines[-1].count("    ") < PER_LINE - 1:
            lines[-1] = joined
        else:
            lines.append(f"  {cell}")
    more = len(changes) - MOST_LISTED
    return [*lines, *([f"  and {more} more"] if more > 0 else [])]


def _show_table(results: Sequence[Result]) -> None:
    rows = [
        (one.shared.host, one.shared.name, each.name, each.host_path, plain(one.states.get(each.name, one.outcome)))
        for one in results
        for each in one.shared.maps
    ]
    for line in columns([HEAD, *rows]):
        click.echo(line)
    for one in results:
        for skipped in one.skipped:
            click.echo(f"  left out  {_line(skipped.path)}: {_line(skipped.reason)}", err=True)
        if one.error:
            print_error(one.error)
