"""dgops logs: what this controller did, from its structured log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.render import plain

if TYPE_CHECKING:
    from dgops.settings import Settings

SHORT = 8


@click.command()
@click.option(
    "--correlation", default="", metavar="ID", help="Only the lines of one command or job: its id's beginning."
)
@click.option(
    "--level",
    type=click.Choice(("debug", "info", "warning", "error"), case_sensitive=False),
    default="info",
    show_default=True,
    help="Lines at least so serious.",
)
@click.option("--since", "begin", default="", metavar="TIME", help="From then on: 30m, 1h, 2d, or a date and time.")
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they are stored.")
@click.pass_obj
def logs(settings: Settings, correlation: str, level: str, begin: str, as_json: bool) -> None:
    """Show what was done from here, the oldest first: commands, what they ran on hosts, and how that ended."""
    from dgops.events.query import Question, ask, since

    question = Question(correlation, level, since(begin) if begin else 0.0)
    for record in ask(settings.state / "logs", question):
        click.echo(json.dumps(record) if as_json else _line(record))


def _line(record: dict[str, Any]) -> str:
    words = " ".join(str(record.get("message") or "").splitlines())
    context = record.get("context")
    where = context.get("host", "") if isinstance(context, dict) else ""
    head = (
        f"{record.get('timestamp', ''):<24}  {record.get('level', ''):<7}  {str(record.get('correlation_id'))[:SHORT]}"
    )
    return plain(f"{head}  {record.get('event', ''):<14}  {f'{where}: ' if where else ''}{words}").rstrip()
