"""dgops deploy: options in, one deploy, its progress and its recap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dgops.cli.discard import discard_options, guard_of
from dgops.cli.options import host_option, role_names
from dgops.cli.render import print_json
from dgops.errors import UsageError

if TYPE_CHECKING:
    from dgops.settings import Settings


@click.command()
@host_option(required=True)
@click.option("--check", is_flag=True, help="Say what would change and why, and change nothing.")
@click.option("--diff", is_flag=True, help="Show what changes in files.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    shell_complete=role_names,
    help="Run only this role, needed or not; may be given again.",
)
@click.option("--full", is_flag=True, help="Run every role, needed or not.")
@discard_options
@click.option("--forks", type=click.IntRange(1), help="How many hosts at once (default 20).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def deploy(
    ctx: click.Context,
    host: str,
    check: bool,
    diff: bool,
    roles: tuple[str, ...],
    full: bool,
    discard: bool,
    agreed: tuple[str, ...],
    forks: int | None,
    as_json: bool,
) -> None:
    """Take hosts from bare to ready by Ansible's roles, and say what changed.

    Looks first: only the roles run whose inputs changed, or whose checks fail. HOST is an Ansible pattern: a host,
    a group, a:b, !x.
    """
    from dgops.cli.deploy_lines import Progress
    from dgops.deploy.result import to_json
    from dgops.deploy.run import Wish
    from dgops.deploy.run import deploy as run_deploy
    from dgops.hosts import inventory
    from dgops.settings import with_forks

    if full and roles:
        raise UsageError("--full runs every role, and --role only some", "give one of them")
    settings: Settings = with_forks(ctx.obj, forks)
    known = inventory.load(settings)
    chosen = known.select(host)
    width = max(len(one.name) for one in chosen)
    progress = Progress(width, check=check, quiet=as_json, verbose=ctx.meta["dgops.verbose"])
    guard = guard_of(settings, discard, agreed, progress.stop)
    wish = Wish(chosen, known, roles, check, diff, full, guard.before_write)
    try:
        results = run_deploy(wish, settings, progress)
    finally:
        progress.stop()
    if as_json:
        print_json(to_json(results))
    if not all(result.ok for result in results.values()):
        only_unreachable = all(result.outcome == "unreachable" for result in results.values() if not result.ok)
        ctx.exit(3 if only_unreachable else 1)
