"""The command reference: every command's help, written to docs/cli.md and checked against it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dgops.cli.main import cli
from dgops.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = Path("docs/cli.md")
WIDTH = 100


def text() -> str:
    """Return the whole page."""
    parts = ["# Commands", "", "Made by `make generate` from the commands themselves.", ""]
    settings = {**cli.context_settings, "max_content_width": WIDTH}
    for context in _contexts(click.Context(cli, info_name="dgops", terminal_width=WIDTH, **settings)):
        parts += [f"## {context.command_path}", "", "```text", context.get_help(), "```", ""]
    return "\n".join(parts)


def _contexts(context: click.Context) -> Iterator[click.Context]:
    yield context
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _contexts(click.Context(child, parent=context, info_name=name, terminal_width=WIDTH))


if __name__ == "__main__":
    if "--check" in sys.argv and PATH.read_text() != text():
        sys.exit(f"{PATH} is stale: make generate")
    write_atomic(PATH, text())
