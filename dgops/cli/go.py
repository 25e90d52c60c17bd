"""dgops go: one command from photographs to a LoRA; called again it goes on at the first step that is not done."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import click

from dgops.cli.options import host_option
from dgops.cli.render import plain, print_error, print_json
from dgops.cli.watching import say

if TYPE_CHECKING:
    from dgops.cli.watching import Ended
    from dgops.flows.go import Asked, Ran

# Where training runs when no host is named: what `dgops init` calls this machine.
HERE = "local"
NOT_YET = "not made: this dgops generates no pictures yet; by hand: dgops comfyui start, dgops comfyui open"
INTERRUPTED = 130


@click.command()
@click.argument("slug")
@host_option(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print what became of each step as JSON.")
@click.pass_context
def go(ctx: click.Context, slug: str, host: str | None, as_json: bool) -> None:
    """Gather the set SLUG and train a LoRA on it: [gather.SLUG] of dgops.toml, then the recipe SLUG.yml beside it.

    Each step is done when its result is there and is what is asked for: the published set, the LoRA with its model
    card in models/. Run again after whatever happened, it goes on at the first step that is not done; a job that runs
    on is followed. Without --host the set is made here, and the training runs on the host local: this machine.
    """
    from dgops.errors import DgopsError
    from dgops.flows import go as flow

    found = flow.asked(ctx.obj, slug)
    again = f"dgops go {slug}" + (f" --host {host}" if host else "")
    steps = (
        flow.Step("gather", found.gathered, lambda: _gather(ctx, found, host)),
        flow.Step("train", found.trained, lambda: _train(ctx, found, host or HERE)),
    )

    def begins(step: str, why: str) -> None:
        say(f"{slug}  {step:<12} {why}")

    def told(ran: Ran) -> None:
        if ran.state != flow.FAILED:
            say(f"{slug}  {ran.step:<12} {ran.state:<6} {ran.words}")

    with contextlib.redirect_stdout(sys.stderr):
        ran = flow.go(steps, begins, told)
    last = ran[-1]
    if not last.code:
        ran.append(flow.Ran("first batch", "not yet", NOT_YET))
        say(f"{slug}  {'first batch':<12} {NOT_YET}")
    if as_json:
        print_json({"ok": not last.code, "slug": slug, "steps": [asdict(one) for one in ran]})
    if last.code:
        after = f"{last.hint}; then the same" if last.hint else "the same"
        print_error(DgopsError(f"{slug} stopped in {last.step}: {last.words}", f"{after} goes on from there:  {again}"))
    elif not as_json:
        click.echo(plain(last.words))
    ctx.exit(last.code)


def _gather(ctx: click.Context, found: Asked, host: str | None) -> int:
    from dgops.cli.following import one_host
    from dgops.jobs.ready import deployed

    # Before anything is made: what comes next needs it.
    deployed(one_host(ctx.obj, host or HERE), ctx.obj)
    if host:
        from dgops.cli.dataset_on_host import run_on_host

        return _code(run_on_host(ctx, host, found.options, allow_drift=False, as_json=False))
    from dgops.cli.dataset import make

    return make(ctx, replace(found.options, mode=ctx.obj.mode or "production"), None)


def _train(ctx: click.Context, found: Asked, host: str) -> int:
    from dgops.cli.train_on_host import run_on_host

    asked = {"allow_drift": False, "detach": False, "as_json": False}
    return _code(run_on_host(ctx, host, found.ready(), asked, found.models))


def _code(ended: Ended) -> int:
    """Return the exit code; whoever lets go of a job has not what it makes."""
    let_go = ended.code == 0 and ended.job is not None and not ended.job.over
    return INTERRUPTED if let_go else ended.code
