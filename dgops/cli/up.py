"""dgops up: one command from a recipe to its outputs at home, on a pod that is rented for it and stopped after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dgops.cli.discard import discard_options
from dgops.cli.render import plain, print_error, print_json
from dgops.cli.watching import Ended, hint, say

if TYPE_CHECKING:
    from dgops.cli.watching import Options
    from dgops.flows.up import Outcome
    from dgops.settings import Settings


@click.command()
@click.argument("name")
@click.option("--recipe", required=True, metavar="R", help="What shall be done there: a script or a training.")
@click.option(
    "--dataset", metavar="DIR", default="", help="Of a training: the published set, in place of the recipe's."
)
@click.option("--gpu", default="", metavar="A,B,C", help="Where no pod is there: GPUs in the order they are tried.")
@click.option(
    "--env",
    "profile",
    default="",
    metavar="PROFILE",
    help="Where no pod is there: what it shall run; else the recipe says.",
)
@click.option("--volume", default="", metavar="V", help="Name or id of a network volume, mounted at /workspace.")
@click.option(
    "--volume-gb", type=click.IntRange(min=10), help="Instead: a volume of the pod's own, which goes with it."
)
@click.option("--key", type=click.Path(path_type=Path), help="Public key that opens it (default: ~/.ssh/id_*.pub).")
@discard_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON; the job's output goes to stderr.")
@click.pass_context
def up(
    ctx: click.Context,
    name: str,
    recipe: str,
    dataset: str,
    gpu: str,
    profile: str,
    volume: str,
    volume_gb: int | None,
    key: Path | None,
    discard: bool,
    agreed: tuple[str, ...],
    as_json: bool,
) -> None:
    """Rent a pod, deploy it, look at it, run a recipe there, bring the outputs home, and stop it.

    R is a recipe file (kind: script or train), or the name of a training that dgops carries (dgops recipes list).
    Cut off anywhere and called again it goes on from there. Where the pod is taken away, it is started again or another
    one rented on the same network volume; the job goes on by the recipe's `resume` command, and edits that the lost pod
    spooled come home. A job that fails leaves the pod running, to be looked at.
    """
    from dgops.cli.up_hands import Hands
    from dgops.cli.up_work import work_of
    from dgops.errors import UsageError
    from dgops.flows import pod_needs
    from dgops.flows import up as flow
    from dgops.pods import limits, names, wishes
    from dgops.pods.account import connected, intents_of
    from dgops.training import prepare

    settings: Settings = ctx.obj
    names.remote(name)
    if volume and volume_gb:
        raise UsageError("say either --volume or --volume-gb", "dgops up --help")
    gpus = tuple(one.strip() for one in gpu.split(",") if one.strip())
    wanted = pod_needs.of(prepare.find(recipe))
    wish = wishes.Wish(
        name,
        gpus,
        profile,
        volume=volume,
        volume_gb=volume_gb or 0,
        gpu_count=wanted.gpu_count,
        limits=limits.asked(settings),
        needs=wanted.needs,
    )
    work, shown = work_of(recipe, dataset, settings, as_json=as_json)
    hands = Hands(settings, discard, agreed, shown, verbose=ctx.meta["dgops.verbose"])
    try:
        opened = intents_of(settings).get(name)
        asked = flow.Asked(wish, wishes.own_key(key, opened.identity if opened else ""), work)
        with connected(settings) as provider:
            done = flow.up(asked, settings, provider, hands)
    except KeyboardInterrupt:
        hands.job.stop()
        say(f"{name}  a pod that was ready goes on and is billed, and its job goes on")
        hint("the same command again goes on from here;  dgops pod list shows what is billed")
        raise
    finally:
        hands.job.stop()
    ctx.exit(_shown(name, done, shown))


def _shown(name: str, done: Outcome, shown: Options) -> int:
    """Print the result and return the exit code."""
    from dgops.cli.job_lines import home, row

    code = done.trouble.exit_code if done.trouble else 0
    ended = Ended(code, None, done.pulled)
    if done.trouble:
        print_error(done.trouble)
    for line in shown.more(ended):
        say(line)
    if shown.as_json:
        print_json(
            {
                "ok": done.trouble is None,
                "name": name,
                "job": done.job,
                "already": done.already,
                "losses": list(done.losses),
                "outputs": row(done.pulled),
                "error": done.trouble.message if done.trouble else None,
                **(shown.as_object(ended) if shown.as_object else {}),
            }
        )
    elif done.already:
        click.echo(f"{name}  done already: job {done.job}; its outputs came home")
    elif not done.trouble:
        click.echo(plain(f"{name}  done: job {done.job}  {home(done.pulled)}").rstrip())
    return code
