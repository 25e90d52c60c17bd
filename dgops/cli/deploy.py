"""dgops deploy: options in, one deploy, its progress and its recap."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dgops.cli.options import host_option, role_names
from dgops.cli.render import coloured, plain, print_json, step

if TYPE_CHECKING:
    from dgops.deploy.events import Failure, RoleRun
    from dgops.deploy.result import HostResult
    from dgops.settings import Settings


@click.command()
@host_option(required=True)
@click.option("--check", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--diff", is_flag=True, help="Show what changes in files.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    shell_complete=role_names,
    help="Run only this role; may be given again.",
)
@click.option("--forks", type=click.IntRange(1), help="How many hosts at once (default 20).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def deploy(
    ctx: click.Context,
    host: str,
    check: bool,
    diff: bool,
    roles: tuple[str, ...],
    forks: int | None,
    as_json: bool,
) -> None:
    """Take hosts from bare to ready by Ansible's roles, and say what changed.

    HOST is an Ansible pattern: a host, a group, a:b, !x.
    """
    from dgops.deploy.result import to_json
    from dgops.deploy.run import Wish
    from dgops.deploy.run import deploy as run_deploy
    from dgops.hosts import inventory
    from dgops.settings import with_forks

    settings: Settings = with_forks(ctx.obj, forks)
    known = inventory.load(settings)
    chosen = known.select(host)
    wish = Wish(chosen, known, roles, check, diff)
    width = max(len(one.name) for one in chosen)
    progress = Progress(width, check=check, quiet=as_json, verbose=ctx.meta["dgops.verbose"])
    try:
        results = run_deploy(wish, settings, progress)
    finally:
        progress.stop()
    if as_json:
        print_json(to_json(results))
    if not all(result.ok for result in results.values()):
        only_unreachable = all(result.outcome == "unreachable" for result in results.values() if not result.ok)
        ctx.exit(3 if only_unreachable else 1)


class Progress:
    """Shows a deploy while it goes on: a line for each role, a status line on a terminal, a recap for each host."""

    def __init__(self, width: int, *, check: bool, quiet: bool, verbose: bool = False) -> None:
        self.width = width
        self.check = check
        self.quiet = quiet
        self.verbose = verbose
        self.status = None
        if not quiet and sys.stderr.isatty():
            from rich.console import Console

            self.status = Console(stderr=True).status("looking")
            self.status.start()

    def stop(self) -> None:
        """Take the status line away."""
        if self.status:
            self.status.stop()

    def looked(self, host: str, seconds: float) -> None:
        """Say that a host answered."""
        self._line(
            step(self.width, host, "looked", "the host answers, the lease is ours" if not self.check else "", seconds)
        )

    def working(self, role: str, task: str) -> None:
        """Show the task under way."""
        if self.status:
            from rich.text import Text

            words = f"{role}: {task}" if role else task
            self.status.update(Text(plain(words), no_wrap=True, overflow="ellipsis"))

    def said(self, text: str) -> None:
        """Pass on what goes on below the roles, where more was asked for."""
        if self.verbose and text:
            self._line(plain(text))

    def role_over(self, host: str, run: RoleRun) -> None:
        """Say what a role did on a host."""
        word = "would change" if self.check else "changed"
        result = "failed" if run.failed else f"{run.changed} {word}" if run.changed else "holds"
        self._line(step(self.width, host, run.role or "facts", result, run.ended - run.started))

    def over(self, result: HostResult) -> None:
        """Print a host's recap on stdout: one line, then notices, differences and the first failure."""
        if self.quiet:
            return
        self.stop()
        for diff in result.diffs:
            click.echo(plain(diff).rstrip("\n"))
        click.echo(step(self.width, result.host, _headline(result, self.check), _summary(result), result.seconds))
        for notice in result.notices:
            click.echo(f"{self.indent}{plain(notice)}")
        for failing in result.health.failures("live") if result.health else ():
            word = coloured(failing.outcome.value)
            click.echo(
                f"{self.indent}{word}  {failing.check.role}: {plain(failing.check.name)}: {plain(failing.observed)}"
            )
        if result.failure:
            self._failure(result.host, result.failure)

    @property
    def indent(self) -> str:
        """Blanks as wide as the column of names."""
        return " " * (self.width + 2)

    def _failure(self, host: str, failure: Failure) -> None:
        where = f"{failure.role}: {failure.task}" if failure.role else failure.task
        # The name again: stderr may go elsewhere than the recap.
        click.echo(f"{host:<{self.width}}  {coloured('failed')}   {plain(where)}", err=True)
        for line in plain(failure.message).splitlines():
            click.echo(f"{self.indent}         {line}", err=True)
        for line in plain(failure.detail).splitlines() if self.verbose else ():
            click.echo(f"{self.indent}output   {line}", err=True)
        if failure.hint:
            click.echo(f"{self.indent}hint     {plain(failure.hint)}", err=True)

    def _line(self, text: str) -> None:
        if self.quiet:
            return
        if self.status:
            from rich.text import Text

            # Through its console, which takes the status line away first.
            self.status.console.print(Text(text), soft_wrap=True)
        else:
            click.echo(text, err=True)


def _headline(result: HostResult, check: bool) -> str:
    if not result.ok:
        return result.outcome
    if check:
        return "differs" if result.changed else "unchanged"
    return "ready" if result.outcome == "changed" else "unchanged"


def _summary(result: HostResult) -> str:
    count = len(result.roles)
    parts = [f"{count} role{'s' if count > 1 else ''} run"] if count else []
    if result.changed:
        parts.append(f"{result.changed} changed")
    if result.health:
        failed = len(result.health.failures())
        passed = sum(one.outcome.value == "pass" for one in result.health.results)
        parts.append(f"{passed} checks pass" + (f", {failed} fail (dgops health)" if failed else ""))
    return ", ".join(parts)
