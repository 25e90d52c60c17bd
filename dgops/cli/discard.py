"""The options by which a person agrees to lose edits that are on a host alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.flows.guard import Guard
    from dgops.settings import Settings


def discard_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --discard and --yes-discard to a command."""
    command = click.option(
        "--yes-discard",
        "agreed",
        multiple=True,
        metavar="HOST",
        help="Throw away edits that are only on this host, unasked; may be given again.",
    )(command)
    return click.option(
        "--discard", is_flag=True, help="Name the edits that are only on a host, and ask whether they may go."
    )(command)


def guard_of(
    settings: Settings, discard: bool, agreed: tuple[str, ...], before: Callable[[], None] = lambda: None
) -> Guard:
    """Return the guard that knows what a person agreed to; `before` makes room on the terminal for a question."""
    from dgops.flows.guard import Consent, Guard

    def ask(text: str) -> str:
        before()
        if not sys.stdin.isatty():
            return ""
        return str(click.prompt(text, default="", show_default=False, prompt_suffix="", err=True))

    def say(text: str) -> None:
        before()
        click.echo(text, err=True)

    return Guard(settings, Consent(ask, discard, agreed), say)
