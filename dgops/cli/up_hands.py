"""Who shows what an `up` does, and is asked before something goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.cli.discard import guard_of
from dgops.cli.render import plain, step
from dgops.cli.watching import Progress, say

if TYPE_CHECKING:
    from dgops.cli.watching import Options
    from dgops.deploy.events import RoleRun
    from dgops.deploy.plan import Plan
    from dgops.deploy.result import HostResult
    from dgops.settings import Settings


class Hands:
    """Shows each step as one line on stderr; the job's own output is on stdout."""

    def __init__(
        self, settings: Settings, discard: bool, agreed: tuple[str, ...], shown: Options, *, verbose: bool
    ) -> None:
        self.job = Progress(shown)
        self.guard = guard_of(settings, discard, agreed, self.job.stop)
        self.deploy = _Deploying(verbose=verbose)

    def say(self, text: str) -> None:
        """Tell a person what goes on."""
        self.job.told(text)

    def step(self, name: str, what: str, result: str, seconds: float) -> None:
        """Tell that a step is over."""
        self.job.stop()
        self.job.end_line()
        say(step(len(name), name, what, plain(result), seconds))


@dataclass(frozen=True)
class _Deploying:
    """Says of a deploy what a person has to do; roles and tasks where more was asked for."""

    verbose: bool

    def planned(self, host: str, plan: Plan, seconds: float) -> None:
        """Pass over the plan: the step that follows says what came of it."""

    def working(self, role: str, task: str) -> None:
        """Pass over a beginning."""

    def said(self, text: str) -> None:
        """Pass on what goes on below the roles, where more was asked for."""
        if self.verbose and text:
            say(text)

    def role_over(self, host: str, run: RoleRun) -> None:
        """Say what a role did, where more was asked for."""
        if self.verbose:
            say(step(len(host), host, run.role or "facts", f"{run.changed} changed", run.ended - run.started))

    def over(self, result: HostResult) -> None:
        """Say what a person has to do."""
        for notice in result.notices:
            say(f"  {notice}")
