"""Text for people: errors, columns, times and sizes; what a host said is made harmless before it is shown."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.errors import DgopsError

# Control characters, marks that turn the direction of text, and halves of characters, which no terminal can take.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
MINUTE, HOUR, DAY = 60, 3600, 86400
GIGA = 1024**3
COLOURS = {
    "pass": "green",
    "fail": "red",
    "error": "red",
    "skip": "yellow",
    "unreachable": "red",
    "failed": "red",
}


def print_error(error: DgopsError) -> None:
    """Print an error and its hint on stderr."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {plain(error.message)}", err=True)
    if error.hint:
        click.echo(f"{click.style('hint:', fg='cyan')} {plain(error.hint)}", err=True)


def print_json(value: Any) -> None:
    """Print a documented JSON value on stdout."""
    click.echo(json.dumps(value, indent=2))


def plain(text: str) -> str:
    """Return text without control characters, so that no host can steer the terminal."""
    return CONTROL.sub("?", text)


def coloured(word: str) -> str:
    """Return a state's word in its colour; the word alone says everything."""
    return click.style(word, fg=COLOURS.get(word, "green"))


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns, two blanks apart; colour codes do not count as width."""
    widths = [max(len(click.unstyle(cell)) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(_pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def step(width: int, name: str, what: str, result: str, seconds: float) -> str:
    """Return one line of progress: who (in a column of width), what, result, and the seconds at the right."""
    return f"{name:<{width}}  {what:<15} {result:<46} {seconds:7.1f} s"


def ago(moment: str) -> str:
    """Return how long ago an ISO time was, in one short phrase."""
    try:
        seconds = time.time() - datetime.fromisoformat(moment).astimezone(timezone.utc).timestamp()
    except ValueError:
        return "?"
    if seconds < MINUTE:
        return "just now"
    for size, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 and name != 'min' else ''} ago"
    return "just now"


def gigabytes(count: float) -> str:
    """Return bytes as gigabytes with one digit where it matters."""
    value = count / GIGA
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _pad(cell: str, width: int) -> str:
    return cell + " " * (width - len(click.unstyle(cell)))
