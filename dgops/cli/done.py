"""dgops done: what would be lost, or left running, if everything were switched off now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.render import columns, plain, print_error, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.flows.done import Item

HEAD = ("WHERE", "STATE", "WHAT", "NEXT")
GOOD = "all is committed, pushed, synced and home, and nothing runs"


@click.command()
@click.option("--fix", is_flag=True, help="Do the safe part first: sync every mapped host. Nothing else is done.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def done(ctx: click.Context, fix: bool, as_json: bool) -> None:
    """Say what is uncommitted, unpushed, unsynced, not home or running, here and on every host.

    Looked at are this project and every repository that a [[sync.map]] names. Exit 0: nothing is.
    """
    from dgops.flows import done as flow

    if fix:
        for result in flow.fix(ctx.obj, _say):
            _say(f"{result.name}  {result.outcome}")
            if result.error:
                print_error(result.error)
    items = flow.look(ctx.obj, _say)
    if as_json:
        print_json({"ok": not items, "items": [vars(item) for item in items]})
    else:
        _show(items)
    ctx.exit(0 if not items else 3 if all(item.away for item in items) else 1)


def _show(items: Sequence[Item]) -> None:
    if not items:
        click.echo(f"done  {GOOD}")
        return
    rows = [(_line(item.where), item.kind, _line(item.words), _line(item.mend)) for item in items]
    for line in columns([HEAD, *rows]):
        click.echo(line)


def _line(text: str) -> str:
    """Return a text as one line: a file's name may hold a line break."""
    return plain("?".join(text.splitlines()))


def _say(text: str) -> None:
    click.echo(plain(text), err=True)
