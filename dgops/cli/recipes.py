"""dgops recipes: list, show, copy and check recipes of trainings."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from dgops.cli.render import columns, print_json
from dgops.errors import ConfigError, UsageError


@click.group()
def recipes() -> None:
    """Recipes of trainings: a YAML file that names trainer, base model, set and preset."""


@recipes.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print recipes and capabilities as JSON.")
def list_recipes(as_json: bool) -> None:
    """List the recipes that dgops carries, and what can be trained at all."""
    from dgops.training import prepare, recipe
    from dgops.training.capabilities import CAPABILITIES

    found = [recipe.load(prepare.find(name)) for name in prepare.names()]
    if as_json:
        rows = [{"name": one.name, "trainer": one.trainer, "architecture": one.architecture} for one in found]
        print_json({"recipes": rows, "capabilities": [asdict(one) for one in CAPABILITIES]})
        return
    table = [("RECIPE", "TRAINER", "ARCHITECTURE", "PRESET", "STEPS")]
    for one in found:
        steps = str(one.parameters.steps or f"{one.parameters.epochs} epochs")
        table.append((one.name, one.trainer, one.architecture, one.preset, steps))
    for line in columns(table):
        click.echo(line)
    click.echo()
    for line in columns([("TRAINING", "STATUS", ""), *((one.name, one.status, one.note) for one in CAPABILITIES)]):
        click.echo(line)


@recipes.command("show")
@click.argument("recipe")
@click.option("--json", "as_json", is_flag=True, help="Print it resolved: the preset's values with its own.")
def show(recipe: str, as_json: bool) -> None:
    """Print a recipe as it is written, or resolved."""
    from dgops.jobs.reader import text_of
    from dgops.training import prepare
    from dgops.training import recipe as reading

    path = prepare.find(recipe)
    if as_json:
        print_json(asdict(reading.load(path)))
        return
    click.echo(text_of(path), nl=False)


@recipes.command("new")
@click.argument("name")
@click.option("--from", "source", default="tiny", show_default=True, metavar="RECIPE", help="The one to begin with.")
@click.option("--dataset", metavar="DIR", default="", help="The set that it trains on: outputs/SLUG.")
def new(name: str, source: str, dataset: str) -> None:
    """Copy a recipe to NAME.yml here, to be edited; one that is there stays."""
    import json
    import os

    from dgops.jobs.reader import text_of
    from dgops.training import prepare, recipe

    path = Path(name if name.endswith((".yml", ".yaml")) else f"{name}.yml")
    if path.exists():
        raise UsageError(f"{path} is there already", "another name, or edit that one")
    text = text_of(prepare.find(source))
    if dataset:
        where = os.path.relpath(dataset, path.absolute().parent)
        text += f"dataset: {json.dumps(where)}\n"
    recipe.parse(text, path)
    from dgops.files import write_atomic

    write_atomic(path, text)
    click.echo(str(path))
    click.echo(f"next: dgops train plan {path} --host HOST", err=True)


@recipes.command("validate")
@click.argument("paths", metavar="RECIPE...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print what is wrong as JSON.")
@click.pass_context
def validate(ctx: click.Context, paths: tuple[str, ...], as_json: bool) -> None:
    """Check recipes: every mistake of every file at once."""
    from dgops.training import prepare, recipe

    problems: list[str] = []
    for text in paths:
        try:
            recipe.load(prepare.find(text))
        except ConfigError as error:
            problems += error.problems
        else:
            if not as_json:
                click.echo(f"{text}  ok")
    if as_json:
        print_json({"ok": not problems, "problems": problems})
        ctx.exit(2 if problems else 0)
    if problems:
        raise ConfigError(problems, "dgops recipes show tiny prints one that is whole")
