"""dgops run: a command or a recipe as a job on a host, or the dataset pipeline here or there."""

from __future__ import annotations

import importlib
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.options import host_names
from dgops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dgops.hosts.host import Host
    from dgops.jobs.gpus import Gpus
    from dgops.jobs.job import Input, Output, Request
    from dgops.jobs.recipe import Recipe

# First words that are pipelines of dgops' own, loaded on use: a host has no more than click to import here.
PIPELINES = {
    "train": ("dgops.cli.train_on_host:train", "Train a LoRA by a recipe, followed to the end."),
    "dataset": ("dgops.cli.dataset:dataset", "Take photographs to captioned training sets."),
}
COMMAND = "dgops.command"
FORM = "dgops run --host HOST -- COMMAND …"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LONGEST_LABEL = 60


class Run(click.Group):
    """`run`: a pipeline where the first word names one, else a job."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of the job command, or of the group where a pipeline is named."""
        if args and args[0] in PIPELINES:
            return super().make_context(info_name, args, parent, **extra)
        return job.make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the pipelines."""
        del ctx
        return sorted(PIPELINES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one pipeline."""
        del ctx
        if cmd_name not in PIPELINES:
            return None
        module, attribute = PIPELINES[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def get_help(self, ctx: click.Context) -> str:
        """Return the job command's help, which names the pipelines."""
        return job.get_help(ctx)


class JobCommand(click.Command):
    """The job form, whose command stands behind `--` as it is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what stands behind the first -- away, and read the rest as options."""
        if "--" in args:
            cut = args.index("--")
            ctx.meta[COMMAND] = tuple(args[cut + 1 :])
            return super().parse_args(ctx, args[:cut])
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise UsageError(error.format_message(), f"a command of your own stands behind --:  {FORM}") from None

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the usage line's parts."""
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Name the pipelines."""
        with formatter.section("Pipelines"):
            formatter.write_dl([(f"dgops run {name} --help", PIPELINES[name][1]) for name in sorted(PIPELINES)])


def _gpus(ctx: click.Context, param: click.Parameter, value: str | None) -> Gpus | None:
    from dgops.jobs.gpus import gpus_from

    try:
        return gpus_from(value) if value is not None else None
    except ValueError as error:
        raise UsageError(f"--gpus: {error}") from None


@click.command("run", cls=JobCommand)
@click.argument("words", metavar="[RECIPE]", nargs=-1)
@click.option("--host", metavar="HOST", shell_complete=host_names, help="Which host; exactly one.")
@click.option("--input", "inputs", multiple=True, metavar="PATH", help="File or folder that the job gets; repeatable.")
@click.option("--output", "outputs", multiple=True, metavar="PATH", help="What comes home from its folder; repeatable.")
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A variable; without a value a secret: from the keyring, else from here, and written down nowhere.",
)
@click.option("--gpus", metavar="COUNT|id:0,2", callback=_gpus, help="So many GPUs, or exactly these.")
@click.option(
    "--retries",
    type=click.IntRange(0, 100),
    default=0,
    metavar="N",
    help="Where it fails, try it N times more; a recipe with `resume` goes on by that.",
)
@click.option("--allow-drift", is_flag=True, help="Start although venvs there differ from their locks; it is recorded.")
@click.option("--detach", is_flag=True, help="Start it, print its id, and leave.")
@click.option("--json", "as_json", is_flag=True, help="Print the job as JSON at the end; its output goes to stderr.")
@click.pass_context
def job(
    ctx: click.Context,
    words: tuple[str, ...],
    host: str | None,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    variables: tuple[str, ...],
    gpus: Gpus | None,
    retries: int,
    allow_drift: bool,
    detach: bool,
    as_json: bool,
) -> None:
    """Run a command or a recipe as a job on a host, follow it, and bring its outputs home.

    Inputs and outputs keep their relative names: --input train.py --output results -- python train.py finds
    train.py in its work folder, and what it writes to results comes back into ./results. Ctrl-C detaches; the
    job goes on. A RECIPE is a YAML file (kind: script) whose paths are relative to it; options add to it.
    For a pipe: -- sh -c 'ls | wc -l'
    """
    from dataclasses import replace

    from dgops.cli.following import one_host, run_job
    from dgops.cli.watching import Options

    command = ctx.meta.get(COMMAND)
    recipe = _recipe(words, command)
    if not host:
        raise UsageError("on which host?", "dgops run --host HOST …  (dgops hosts list)")
    chosen = one_host(ctx.obj, host)
    request = _request(recipe, command or (), inputs, outputs, gpus)
    request = with_variables(request, variables, recipe, chosen)
    request = replace(request, allow_drift=allow_drift, retries=retries)
    ctx.exit(run_job(ctx, chosen, request, Options(detach, as_json)).code)


run = Run("run", help=job.help, short_help="Run a command, a recipe or a pipeline, here or on a host.")


def _recipe(words: Sequence[str], command: Sequence[str] | None) -> Recipe | None:
    """Return the recipe that was named, None for a command; raises UsageError where it is neither or both."""
    from dgops.jobs import recipe

    if len(words) == 1 and (words[0].endswith((".yml", ".yaml")) or Path(words[0]).is_file()):
        if command is not None:
            raise UsageError(f"{words[0]} says what to run, and so does {shlex.join(command)!r}", "give one of them")
        return recipe.load(Path(words[0]))
    if words:
        raise UsageError(
            f"{words[0]!r} is no recipe here, and a command stands behind --",
            f"dgops run --host HOST -- {shlex.join([*words, *(command or ())])}",
        )
    if not command or not command[0]:
        raise UsageError("nothing to run: give a command or a recipe", f"{FORM}, or dgops run RECIPE.yml --host HOST")
    return None


def _request(
    recipe: Recipe | None, command: Sequence[str], inputs: Sequence[str], outputs: Sequence[str], gpus: Gpus | None
) -> Request:
    from dgops.jobs.job import Request

    more_inputs = tuple(_input(text) for text in inputs)
    more_outputs = tuple(_output(text) for text in outputs)
    if recipe is None:
        label = " ".join(shlex.join(command).split())
        short = label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
        return Request("command", short, tuple(command), more_inputs, more_outputs, gpus=gpus)
    return Request(
        recipe.kind,
        recipe.name,
        recipe.argv,
        (*recipe.inputs, *more_inputs),
        (*recipe.outputs, *more_outputs),
        dict(recipe.env),
        gpus=gpus or recipe.gpus,
        resume=recipe.resume,
        priority=recipe.priority,
        stall=recipe.stall,
    )


def request_of(recipe: Recipe) -> Request:
    """Return the job that a recipe asks for, without the secrets that it names."""
    return _request(recipe, (), (), (), None)


def _input(text: str) -> Input:
    from dgops.hosts.paths import to_here
    from dgops.jobs.recipe import input_of

    try:
        here = text if text and Path(text).exists() else str(to_here(text))
    except UsageError as error:
        raise UsageError(f"--input: {error.message}", error.hint) from None
    return input_of(here, Path.cwd())


def _output(text: str) -> Output:
    from dgops.jobs.recipe import output_of

    try:
        return output_of(text, Path.cwd())
    except ValueError as error:
        raise UsageError(f"--output: {error}") from None


def with_variables(request: Request, variables: Iterable[str], recipe: Recipe | None, host: Host) -> Request:
    """Return the request with its environment, and with every secret that the host, recipe or person names."""
    from dataclasses import replace

    from dgops.hosts import secrets

    env, names = dict(request.env), list(recipe.secrets if recipe else ())
    for text in variables:
        name, given, value = text.partition("=")
        if not VARIABLE.fullmatch(name):
            raise UsageError(f"--env: {name!r} is no name of a variable", "--env NAME=VALUE, or --env NAME")
        here = os.environ.get(name, "")
        if given:
            env[name] = value
        elif here and (secrets.name_fault(name) or secrets.value_fault(here)):
            # LANG, DEBUG=1 and their like hide nothing, and could not be taken out of a log.
            env[name] = here
        else:
            names.append(name)
    wanted = [name for name in (*secrets.wanted(host), *names) if name not in env or name in names]
    found = secrets.load(wanted)
    return replace(request, env={name: value for name, value in env.items() if name not in found}, secrets=found)
