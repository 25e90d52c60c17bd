"""dgops train: what a training would be, and how two of them compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.options import host_names
from dgops.cli.render import columns, plain, print_json

if TYPE_CHECKING:
    from dgops.settings import Settings
    from dgops.training.compare import Run
    from dgops.training.prepare import Ready
    from dgops.training.preview import Preview


@click.group()
def train() -> None:
    """Plan trainings and compare finished ones; dgops run train trains."""


@train.command("plan")
@click.argument("recipe")
@click.option("--dataset", metavar="DIR", default="", help="The published set, in place of the recipe's.")
@click.option("--host", metavar="HOST", shell_complete=host_names, help="Where; without it no host is looked at.")
@click.option("--files", is_flag=True, help="Print the generated files as well.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.pass_context
def plan(ctx: click.Context, recipe: str, dataset: str, host: str | None, files: bool, as_json: bool) -> None:
    """Show what would run: programs, files, steps, time and memory, and whether it may. Nothing is touched."""
    from dgops.cli.following import one_host
    from dgops.training import prepare, preview

    settings: Settings = ctx.obj
    made = prepare.ready(prepare.find(recipe), dataset)
    seen = preview.on(one_host(settings, host), settings, made) if host else preview.anywhere(made)
    if as_json:
        print_json(to_json(made, seen, host))
    else:
        _show(made, seen, host, files)
    ctx.exit(1 if seen.refusals else 0)


@train.command("compare")
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.option("--output", default="", metavar="DIR", help="Where the pictures go (default: models/compare/A_B).")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(left: str, right: str, output: str, as_json: bool) -> None:
    """Compare two trainings that are home: recipes, loss curves, samples side by side.

    A and B are folders, names in models/, or the beginnings of such names.
    """
    from dgops.training import compare as comparing
    from dgops.training import results

    runs = (comparing.find(left), comparing.find(right))
    folder = Path(output) if output else results.MODELS / "compare" / f"{runs[0].name}_{runs[1].name}"
    written = comparing.draw(*runs, folder)
    differ = comparing.differences(*runs)
    if as_json:
        rows = [{"key": key, "a": a, "b": b} for key, a, b in differ]
        print_json(
            {"a": _ended(runs[0]), "b": _ended(runs[1]), "differ": rows, "written": [str(one) for one in written]}
        )
        return
    _show_comparison(runs, differ)
    click.echo(f"look: {'  '.join(map(str, written))}", err=True)


def to_json(made: Ready, seen: Preview, host: str | None) -> dict[str, Any]:
    """Return the documented shape of `dgops train plan --json`."""
    estimate = seen.plan.estimate
    return {
        "run": seen.run,
        "host": host,
        "ok": not seen.refusals,
        "refusals": list(seen.refusals),
        "trainer": made.recipe.trainer,
        "architecture": made.recipe.architecture,
        "images": made.dataset.images,
        "dataset": made.dataset.digest,
        "steps": seen.plan.total,
        "epochs": seen.plan.epochs,
        "programs": [{"title": one.title, "argv": list(one.argv), "env": dict(one.env)} for one in seen.plan.steps],
        "files": dict(seen.plan.files),
        "lora": seen.plan.lora,
        "estimate": {"seconds": estimate.seconds, "vram_gib": estimate.vram_gib, "source": estimate.source},
        "notes": list(seen.plan.notes),
    }


def _show(made: Ready, seen: Preview, host: str | None, files: bool) -> None:
    recipe, plan, said = made.recipe, seen.plan, made.recipe.parameters
    estimate = plan.estimate
    took = f"{_range(estimate.seconds, 60)} min" if estimate.seconds else "unknown"
    memory = f"{_range(estimate.vram_gib, 1)} GiB" if estimate.vram_gib else "unknown"
    learning = f"{said.optimizer}, {said.scheduler}, lr {said.learning_rate:g}, {said.precision}"
    rows = [
        ("run", seen.run),
        ("trainer", f"{recipe.trainer}, {recipe.architecture}, preset {recipe.preset}"),
        ("dataset", f"{made.folder}  {made.dataset.images} images, trigger {recipe.trigger}"),
        ("steps", f"{plan.total} in {plan.epochs} epochs of batches of {said.batch_size}"),
        ("network", f"rank {said.rank}, alpha {said.alpha:g}, resolution {said.resolution}"),
        ("learning", learning),
        *((f"program {number}", f"{one.title}: {' '.join(one.argv)}") for number, one in enumerate(plan.steps, 1)),
        ("files", ", ".join(plan.files)),
        ("lora", plan.lora),
        ("time", f"{took}  ({estimate.source})"),
        ("memory", f"{memory} of GPU  ({estimate.source})"),
        *(("note", one) for one in plan.notes),
    ]
    for line in columns(rows):
        click.echo(plain(line))
    for name, text in plan.files.items() if files else ():
        click.echo(f"\n--- {name}\n{text}", nl=False)
    where = f"on {host}" if host else "on a host that nobody named: --host HOST asks one"
    for one in seen.refusals:
        click.echo(f"{click.style('refused:', fg='red', bold=True)} {plain(one)}", err=True)
    if not seen.refusals:
        click.echo(f"verdict: may begin {where}" if host else f"planned {where}", err=True)


def _range(pair: tuple[float, float] | None, unit: float) -> str:
    first, last = pair or (0.0, 0.0)
    return f"{first / unit:.3g}–{last / unit:.3g}"


def _show_comparison(runs: tuple[Run, Run], differ: list[tuple[str, str, str]]) -> None:
    from dgops.training import curve

    rows = [("", runs[0].name, runs[1].name), *differ]
    for key in ("steps", "loss", "seconds"):
        left, right = (str(one.card["training"].get(key)) for one in runs)
        rows.append((key, left, right))
    for line in columns(rows):
        click.echo(plain(line))
    for one in runs:
        click.echo(f"{curve.letters(one.losses)}  {one.name}")


def _ended(run: Run) -> dict[str, Any]:
    return {"run": run.name, "folder": str(run.folder), **run.card["training"]}
