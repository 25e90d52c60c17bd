"""What a deploy looks like while it goes on, and its recap."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dgops.cli.render import coloured, plain, step

if TYPE_CHECKING:
    from dgops.deploy.events import Failure, RoleRun
    from dgops.deploy.plan import Plan
    from dgops.deploy.result import HostResult


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

    def planned(self, host: str, plan: Plan, seconds: float) -> None:
        """Say what is to run on a host, and why."""
        self._line(step(self.width, host, "looked", _holding(plan), seconds))
        for name, reason in _reasons(plan):
            self._line(f"{self.indent}{'':<16}{name:<15} {plain(reason)}")

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
        for task in run.tasks if self.check else ():
            self._line(f"{self.indent}{'':<16}{plain(task)}")

    def over(self, result: HostResult) -> None:
        """Print a host's recap on stdout: one line, then notices, differences and the first failure."""
        if self.quiet:
            return
        self.stop()
        for diff in result.diffs:
            click.echo(plain(diff).rstrip("\n"))
        click.echo(
            step(self.width, result.host, _headline(result, self.check), _summary(result, self.check), result.seconds)
        )
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


def _holding(plan: Plan) -> str:
    count = len(plan.steps)
    if not plan.holds:
        reasons = {step.reasons for step in plan.steps}
        why = plain(plan.steps[0].reasons[0]) if len(reasons) == 1 and count > 1 else ""
        return f"{_roles(count)} to run" + (f": {why}" if why else "")
    return f"{len(plan.holds)} of {_roles(count)} hold"


def _reasons(plan: Plan) -> list[tuple[str, str]]:
    """Return a line for each reason; one that all roles share stands in the first line already."""
    if not plan.holds and len(plan.steps) > 1 and len({step.reasons for step in plan.steps}) == 1:
        return []
    return [(step.role if not n else "", why) for step in plan.steps for n, why in enumerate(step.reasons)]


def _roles(count: int) -> str:
    return f"{count} role{'s' if count != 1 else ''}"


def _headline(result: HostResult, check: bool) -> str:
    if not result.ok:
        return result.outcome
    if check:
        return "differs" if result.changed else "unchanged"
    return "ready" if result.outcome == "changed" else "unchanged"


def _summary(result: HostResult, check: bool) -> str:
    ran = len({run.role for run in result.roles})
    held = len(result.plan.steps) - ran
    parts = [f"{_roles(ran)} {'would run' if check else 'run'}"] if ran else []
    if held > 0 and result.plan.steps:
        parts.append(f"{held} held" if ran else f"{_roles(held)} hold")
    if result.changed:
        parts.append(f"{result.changed} {'would change' if check else 'changed'}")
    if result.health and not (check and ran):
        failed = len(result.health.failures())
        passed = sum(one.outcome.value == "pass" for one in result.health.results)
        parts.append(f"{passed} checks pass" + (f", {failed} fail (dgops health)" if failed else ""))
    return ", ".join(parts)
