"""What a deploy did to each host, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from dgops.deploy.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.deploy.events import Failure, RoleRun
    from dgops.health.look import HostHealth

GOOD = ("unchanged", "changed")


@dataclass(frozen=True)
class HostResult:
    """One host's outcome: unchanged, changed, failed or unreachable; seconds count the whole of it."""

    host: str
    outcome: str
    seconds: float
    changed: int = 0
    roles: tuple[RoleRun, ...] = ()
    failure: Failure | None = None
    notices: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    health: HostHealth | None = None
    plan: Plan = field(default_factory=lambda: Plan(()))

    @property
    def ok(self) -> bool:
        """Whether the host is as it should be."""
        return self.outcome in GOOD


class Watcher(Protocol):
    """Who wants to see a deploy while it goes on."""

    def planned(self, host: str, plan: Plan, seconds: float) -> None:
        """A host was looked at, and some of its roles have to run."""
        ...

    def working(self, role: str, task: str) -> None:
        """A task began."""
        ...

    def said(self, text: str) -> None:
        """A task's end, or what Ansible says beside its events: a warning, say."""
        ...

    def role_over(self, host: str, run: RoleRun) -> None:
        """A role came to its end on a host."""
        ...

    def over(self, result: HostResult) -> None:
        """A host is done with."""
        ...


def to_json(results: Mapping[str, HostResult]) -> dict[str, Any]:
    """Return the documented shape of `dgops deploy --json`."""
    return {
        "ok": all(result.ok for result in results.values()),
        "hosts": {
            name: {
                "outcome": result.outcome,
                "changed": result.changed,
                "roles_run": list(_ran(result)),
                "roles_skipped": [role for role in result.plan.holds if role not in _ran(result)],
                "plan": [{"role": step.role, "reasons": list(step.reasons)} for step in result.plan.steps],
                "seconds": round(result.seconds, 2),
                "first_failure": _failure(result.failure),
            }
            for name, result in results.items()
        },
    }


def _ran(result: HostResult) -> tuple[str, ...]:
    return tuple(dict.fromkeys(run.role for run in result.roles))


def _failure(failure: Failure | None) -> dict[str, str] | None:
    if failure is None:
        return None
    return {"role": failure.role, "task": failure.task, "message": failure.message, "hint": failure.hint}
