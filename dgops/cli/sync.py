"""dgops sync: options in, one line for each host and repository, what changed beneath it, and the next step."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.options import host_option
from dgops.cli.render import columns, plain, print_error, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.sync.artifacts import Gathered
    from dgops.sync.maps import Map, Shared
    from dgops.sync.reconcile import Change
    from dgops.sync.result import Result
    from dgops.sync.scene import Wish

HEAD = ("HOST", "REPO", "MAP", "HOST PATH", "STATE")
SHORT = 7
MOST_LISTED = 12
PER_LINE = 2
WIDTH = 100


@click.command()
@host_option(required=False)
@click.option("--status", "status", is_flag=True, help="Show how both sides stand, and change nothing.")
@click.option(
    "--watch",
    "watching",
    is_flag=True,
    help="Sync, and again after each edit or artifact there and each commit here.",
)
@click.option("--dry-run", is_flag=True, help="Merge in memory, say what a sync would do, and change nothing.")
@click.option(
    "--from",
    "source",
    type=click.Choice(("local", "host")),
    help="For a fresh replica: fill it from the local repository, or take what is on the host as an edit.",
)
@click.option(
    "--from-spool",
    "spooled",
    is_flag=True,
    help="For a fresh replica: bring home what the lost host spooled on its volume, then fill it.",
)
@click.option("--allow-deletes", is_flag=True, help="Believe a side that lost more than a fifth of its files.")
@click.option("--message", "-m", default="", metavar="TEXT", help="What the commit of a host's edits says first.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def sync(
    ctx: click.Context,
    host: str | None,
    status: bool,
    watching: bool,
    dry_run: bool,
    source: str | None,
    spooled: bool,
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

    if status and (dry_run or source or spooled or allow_deletes or message or watching):
        raise UsageError("--status only looks", "give it alone, or with --host and --json")
    if watching and dry_run:
        raise UsageError("--dry-run changes nothing, and --watch syncs until it is interrupted", "give one of them")
    if spooled and source == "host":
        raise UsageError("--from-spool fills a replica, and --from host takes what is there", "give one of them")
    settings: Settings = ctx.obj
    shared, artifacts = maps.load(settings), maps.load_artifacts(settings)
    hosts = _chosen(settings, {one.host for one in shared} | {one.host for one in artifacts}, host)
    wish = Wish(status, dry_run, "local" if spooled else source or "", allow_deletes, message, spooled)
    if watching:
        _watch(hosts, shared, artifacts, settings, wish, as_json)
    results = []
    for result in sync_all(hosts, shared, settings, wish, _say):
        results.append(result)
        if not as_json and not status:
            _show(result, dry_run)
    gathered = _gather(hosts, artifacts, settings, wish.looking) if artifacts else []
    if as_json:
        print_json(to_json(results, looking=wish.looking) | _gathered_json(gathered))
    elif status:
        _show_table(results, gathered)
    else:
        _show_gathered(gathered, dry_run)
    code = exit_code(results, looking=wish.looking)
    ctx.exit(code or next((one.error.exit_code if one.error else 1 for one in gathered if not one.ok), 0))


def _watch(
    hosts: list[Host],
    shared: Sequence[Shared],
    artifacts: Sequence[Map],
    settings: Settings,
    wish: Wish,
    as_json: bool,
) -> None:
    """Show every result that is news, a line of JSON or the lines for people, until interrupted."""
    from dgops.sync.artifacts import Gathered
    from dgops.sync.result import to_json
    from dgops.sync.watch import watch

    _say(f"watching {', '.join(host.name for host in hosts)}; Ctrl-C ends it")
    with contextlib.closing(watch(hosts, shared, artifacts, settings, wish, _say)) as news:
        for one in news:
            results, gathered = ([], [one]) if isinstance(one, Gathered) else ([one], [])
            if as_json:
                click.echo(json.dumps(to_json(results, looking=False) | _gathered_json(gathered)))
            elif gathered:
                _show_gathered(gathered, dry=False)
            else:
                _show(results[0], dry=False)


def _chosen(settings: Settings, mapped: set[str], pattern: str | None) -> list[Host]:
    """Return the mapped hosts that a pattern names; raises UsageError where there is none."""
    from dgops.errors import UsageError
    from dgops.hosts import inventory

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


def _gather(hosts: list[Host], maps: Sequence[Map], settings: Settings, looking: bool) -> list[Gathered]:
    from dgops.sync.artifacts import gather_all

    return list(gather_all(hosts, maps, settings, _say, looking=looking))


def _gathered_json(gathered: Sequence[Gathered]) -> dict[str, Any]:
    if not gathered:
        return {}
    from dgops.sync.artifacts import to_json

    return to_json(gathered)


def _show_gathered(gathered: Sequence[Gathered], dry: bool) -> None:
    """Print what each map of artifacts brought home, and what it left alone."""
    for one in gathered:
        if one.error:
            print_error(one.error)
            continue
        verb = "would come home" if dry else "came home"
        words = f"{len(one.pulled)} of {one.files} artifacts {verb}" if one.pulled else "nothing new"
        click.echo(f"{one.map.host} → {one.map.repo.name}/{one.map.local_path}   {words}")
        for path, why in one.skipped:
            click.echo(f"  left out  {_line(path)}: {_line(why)}", err=True)


def _standing(one: Gathered) -> str:
    return one.error.message if one.error else f"{len(one.pulled)} artifacts to come home" if one.pulled else "all home"


def _show_table(results: Sequence[Result], gathered: Sequence[Gathered]) -> None:
    rows = [
        (one.shared.host, one.shared.name, each.name, each.host_path, plain(one.states.get(each.name, one.outcome)))
        for one in results
        for each in one.shared.maps
    ]
    rows += [
        (one.map.host, one.map.repo.name, one.map.name, one.map.host_path, _line(_standing(one))) for one in gathered
    ]
    for line in columns([HEAD, *rows]):
        click.echo(line)
    for one in results:
        for skipped in one.skipped:
            click.echo(f"  left out  {_line(skipped.path)}: {_line(skipped.reason)}", err=True)
        if one.error:
            print_error(one.error)
