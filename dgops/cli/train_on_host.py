"""dgops run train: a recipe's set goes to a host, the training runs there as a job, LoRA and card come home."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.render import print_json
from dgops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.cli.watching import Ended, Options
    from dgops.settings import Settings
    from dgops.training.prepare import Ready

SHOWN = {
    "start": "begins",
    "step": "step",
    "sample": "sample",
    "checkpoint": "saved",
    "failed": "failed",
    "warning": "warning",
    "lowered": "lowered",
}
# In a log of lines, how many of a training's steps are worth one.
LINES = 20


@click.command()
@click.argument("recipe")
@click.option("--dataset", metavar="DIR", default="", help="The published set, in place of the recipe's.")
@click.option("--host", metavar="HOST", help="Which host; exactly one.")
@click.option("--allow-drift", is_flag=True, help="Start although venvs there differ from their locks.")
@click.option("--lower", is_flag=True, help="Out of GPU memory: lower one thing after the other, and go on.")
@click.option("--detach", is_flag=True, help="Start it, print its id, and leave.")
@click.option("--json", "as_json", is_flag=True, help="Print the model card as JSON at the end.")
@click.pass_context
def train(ctx: click.Context, /, recipe: str, dataset: str, host: str | None, **asked: bool) -> None:
    """Train a LoRA on a host by a recipe, follow it, and bring LoRA, samples and model card home.

    RECIPE is a file, or the name of one that dgops carries (dgops recipes list). Run again after whatever happened:
    it goes on from its last state, and what is trained already is only brought home. Ctrl-C detaches. With --lower
    what only costs time is lowered first, and before the first state what costs quality: batch size, optimizer,
    resolution, rank; the card says what was.
    """
    from dgops.training import prepare

    if recipe.endswith(".json"):
        ctx.exit(_here(ctx.obj, Path(recipe)))
    made = prepare.ready(prepare.find(recipe), dataset)
    if not host:
        raise UsageError("on which host?", f"dgops run train {recipe} --host HOST  (dgops hosts list)")
    ctx.exit(run_on_host(ctx, host, made, asked).code)


def run_on_host(
    ctx: click.Context, pattern: str, made: Ready, asked: Mapping[str, bool], models: Path | None = None
) -> Ended:
    """Send what is missing, train as a job, bring home to `models` what it made; returns how it ended."""
    from dgops.cli import following
    from dgops.cli.watching import say
    from dgops.training import results
    from dgops.training.work import Work

    work = Work(ctx.obj, made, say, models or results.MODELS, asked.get("lower", False))
    host = following.one_host(ctx.obj, pattern)
    request = replace(work.request(host), allow_drift=asked["allow_drift"])
    return following.run_once(ctx, host, request, shown(work.home, asked["as_json"], asked["detach"]))


def shown(home: Path, as_json: bool, detach: bool = False) -> Options:
    """Return how a training is shown whose run comes home to a folder."""
    from dgops.cli.watching import Options

    return Options(
        detach,
        as_json,
        Steps().line,
        lambda ended: summary(ended, home),
        lambda ended: _as_object(ended, home),
        output=False,
    )


class Steps:
    """Turns a training's events into lines: a step now and then, everything else as it comes."""

    def __init__(self) -> None:
        self.said = -1

    def line(self, event: Mapping[str, Any]) -> str:
        """Return the line for an event, nothing where it is not worth one."""
        room, _, kind = str(event.get("event")).partition(".")
        if room != "training" or kind not in SHOWN or (kind == "step" and not self._worth(event.get("fields"))):
            return ""
        begin = _begin(event.get("fields")) if kind == "start" else ""
        return f"  {SHOWN[kind]:<12} {event.get('msg')}{begin}"

    def _worth(self, fields: Any) -> bool:
        step, total = (fields.get(key) if isinstance(fields, dict) else None for key in ("step", "total"))
        if not isinstance(step, int) or not isinstance(total, int) or not total:
            return False
        part = step * LINES // total
        worth, self.said = part != self.said or step == total, part
        return worth


def _begin(fields: Any) -> str:
    """Return how much a program that trains has before it, nothing for the others of a plan."""
    known = fields if isinstance(fields, dict) and fields.get("trains") else {}
    begin, total = known.get("begin"), known.get("total")
    if not total:
        return ""
    return f", on from step {begin} of {total}" if begin else f", {total} steps"


def summary(ended: Ended, home: Path) -> Sequence[str]:
    """Return the lines for a training that is home: its LoRA, its loss, where to look; nothing where it is not."""
    from dgops.training import card, curve

    found = card.read(home)
    if ended.code or not found:
        return ()
    said = found["training"]
    losses = curve.read(home / curve.METRICS)
    lines = [f"  {'lora':<12} {home / said['file']}  sha256 {said['sha256'][:12]}"]
    lines += [f"  {'comfyui':<12} {said['comfyui']}"] if said["comfyui"] else []
    lines += [f"  {'loss':<12} {curve.letters(losses)}  {losses[0][1]:.3f} → {losses[-1][1]:.3f}"] if losses else []
    return [*lines, f"look: {home / 'loss.png'}  {home / card.PAGE}"]


def _as_object(ended: Ended, home: Path) -> dict[str, Any]:
    from dgops.training import card

    return {"ok": ended.code == 0, "job": ended.job.listed() if ended.job else None, "card": card.read(home)}


def _here(settings: Settings, path: Path) -> int:
    """Train on this machine what a controller planned: what the job on a host is."""
    from dgops.training import order, run
    from dgops.training.teller import Teller

    def say(line: str) -> None:
        click.echo(line, err=True)

    found = run.train(order.read(path), path.absolute().parent, settings.mode or "production", Teller(), say)
    if "DGOPS_JOB_ID" not in os.environ:
        print_json(found)
    return 0
