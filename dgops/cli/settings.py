"""dgops settings: each value and where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.render import columns, print_json

if TYPE_CHECKING:
    from dgops.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
@click.pass_obj
def settings(found: Settings, as_json: bool) -> None:
    """Print each setting, its value and where it came from."""
    if as_json:
        print_json({key: {"value": one.value, "source": one.source} for key, one in sorted(found.values.items())})
        return
    rows = [(key, _text(one.value), one.source) for key, one in sorted(found.values.items())]
    for line in columns([("KEY", "VALUE", "SOURCE"), *rows]):
        click.echo(line)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "-"
    return "-" if value is None else str(value)
