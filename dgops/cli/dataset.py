"""dgops run dataset: options in, one run of the pipeline, a line for each stage and where to look."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.options import host_option
from dgops.cli.render import coloured, plain, print_json
from dgops.dataset import names
from dgops.dataset.options import CAPTIONERS, CLASS_ENDING, CROPS, Options, here, read_targets
from dgops.errors import UsageError
from dgops.words import counted

if TYPE_CHECKING:
    from dgops.dataset.deliver import Delivery
    from dgops.dataset.pipeline import Outcome, StageRun


@click.command()
@click.option("--slug", required=True, metavar="NAME", help="The set's name: letters, digits, - and _.")
@click.option("--source", required=True, metavar="FOLDER", help="Where the images are; folders below it count.")
@click.option("--trigger", metavar="WORD", help="The word that every caption begins with.")
@click.option(
    "--class",
    "class_words",
    metavar="WORDS",
    help="Instead of --trigger: regularisation images of this class, as DIR/SLUG-class.",
)
@click.option("--crop", type=click.Choice(CROPS), required=True, help="What each image is cut to.")
@click.option("--captioner", type=click.Choice(CAPTIONERS), default="template", show_default=True, help="Who captions.")
@click.option("--target", type=click.IntRange(1), metavar="COUNT", help="How many images to keep (default: all good).")
@click.option("--output", default="outputs", show_default=True, metavar="DIR", help="Results go to DIR/SLUG.")
@click.option("--output-dir", metavar="DIR", help="A folder that gets the contact sheet and the captions as well.")
@host_option(required=False)
@click.option("--allow-drift", is_flag=True, help="With --host: start although venvs there differ from their locks.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def dataset(ctx: click.Context, /, host: str | None, allow_drift: bool, as_json: bool, **asked: Any) -> None:
    """Make a captioned training set from a folder of photographs, here or on a host.

    Run again after whatever happened: finished stages are reused, and nothing is lost.
    """
    options = replace(options_from(asked), mode=ctx.obj.mode or "production")
    if allow_drift and not host:
        raise UsageError("--allow-drift is about a host's venvs, and no host is named", "name it with --host")
    ctx.exit(make(ctx, options, host, allow_drift=allow_drift, as_json=as_json))


def make(
    ctx: click.Context, options: Options, host: str | None, *, allow_drift: bool = False, as_json: bool = False
) -> int:
    """Make a set here or on a host, and show how it goes; returns the exit code."""
    if host:
        from dgops.cli.dataset_on_host import run_on_host

        return run_on_host(ctx, host, options, allow_drift=allow_drift, as_json=as_json).code
    from dgops.dataset.pipeline import run

    progress = Progress(quiet=as_json)
    # In a job its host and name were said already, and paths are the host's.
    alone = "DGOPS_JOB_ID" not in os.environ
    if alone and not as_json:
        click.echo(f"dataset {names.shown(options.slug)}  here", err=True)
    started = time.monotonic()
    outcome = run(options, progress)
    if as_json:
        print_json(to_json(options, outcome))
    else:
        _show(options, outcome, time.monotonic() - started, alone)
    return 0 if outcome.ok else 1


def options_from(asked: dict[str, Any]) -> Options:
    """Return what was asked for, with paths as this system writes them."""
    for key in ("source", "output"):
        if not asked[key]:
            raise UsageError(f"--{key} is empty", "an unset variable in the shell?")
    folders: dict[str, Any] = {key: here(asked[key]) for key in ("source", "output", "output_dir") if asked[key]}
    rest = {key: asked[key] for key in ("crop", "captioner", "target")}
    return Options(**_naming(asked), **{**rest, **folders}, targets=read_targets(os.environ))


def _naming(asked: dict[str, Any]) -> dict[str, Any]:
    slug, trigger, words = asked["slug"], asked["trigger"], asked["class_words"]
    if (trigger is None) == (words is None):
        raise UsageError(
            "a set has a trigger word, regularisation images have a class: one of --trigger and --class",
            "--trigger WORD for the person or style, --class 'a woman' for the images beside it",
        )
    if words is None:
        return {"slug": slug, "trigger": trigger}
    return {"slug": f"{slug}{CLASS_ENDING}", "trigger": words, "of_class": True}


def to_json(options: Options, outcome: Outcome) -> dict[str, Any]:
    """Return the documented shape of `dgops run dataset --json`."""
    return {
        "ok": outcome.ok,
        "slug": options.slug,
        "output": str(options.root),
        "kept": outcome.kept,
        "stages": [
            {
                "name": one.name,
                "held": one.held,
                "in": one.items,
                "out": one.kept,
                "reasons": one.reasons,
                "aside": str(one.aside) if one.aside else None,
                "seconds": round(one.seconds, 3),
            }
            for one in outcome.stages
        ],
        "deliveries": [
            {"what": one.what, "folder": str(one.folder) if one.folder else None, "result": one.words}
            for one in outcome.deliveries
        ],
        "summary": [str(path) for path in outcome.summary],
        "failed": vars(outcome.failure) if outcome.failure else None,
    }


class Progress:
    """A line for each stage and each delivery, on stderr."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet

    def stage_over(self, run: StageRun) -> None:
        """Say what a stage did; one that held costs no time worth a number."""
        seconds = "held" if run.held else f"{run.seconds:.1f} s"
        self._line(run.name, run.counts, run.words, seconds)
        if run.aside:
            self._line("", "", f"somebody had changed it; kept as {run.aside}", "")

    def delivered(self, delivery: Delivery) -> None:
        """Say where results went."""
        where = f"{delivery.words} → {delivery.folder}" if delivery.folder else delivery.words
        self._line(delivery.what, "", where, "")

    def _line(self, name: str, counts: str, words: str, end: str) -> None:
        if self.quiet:
            return
        # A long list of reasons takes the room of the time, which is worth less.
        text = f"  {name:<11}  {plain(counts):<10}  {plain(words):<52}"
        click.echo(f"{text}  {end:>7}".rstrip(), err=True)


def _show(options: Options, outcome: Outcome, seconds: float, alone: bool) -> None:
    failure = outcome.failure
    if failure:
        first, *rest = plain(failure.message).splitlines()
        where = f"{names.shown(options.slug)} FAILED in {failure.stage}"
        click.echo(f"{click.style('error:', fg='red', bold=True)} {where}: {first}", err=True)
        for line in rest:
            click.echo(line, err=True)
        if failure.hint:
            click.echo(f"{click.style('hint:', fg='cyan')} {plain(failure.hint)}", err=True)
        return
    images = counted(outcome.kept, "image")
    look = f"    look: {outcome.summary[0]}" if alone else ""
    click.echo(f"{coloured('done')} in {seconds:.1f} s  {images}{look}", err=not alone)
