"""What a deploy has to do on one host, and why: decided from what was looked at, without looking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.health.look import MARKER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.health.check import CheckResult
    from dgops.health.contract import Contract
    from dgops.health.look import HostHealth

# Keyed digests by role and name of input.
Digests = dict[str, dict[str, str]]
MOST_NAMED = 3


@dataclass(frozen=True)
class Step:
    """One role in its turn; without a reason it holds and does not run."""

    role: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The roles of a host in the playbook's order."""

    steps: tuple[Step, ...]

    @property
    def runs(self) -> tuple[str, ...]:
        """The roles that are to run."""
        return tuple(step.role for step in self.steps if step.reasons)

    @property
    def holds(self) -> tuple[str, ...]:
        """The roles that need not run."""
        return tuple(step.role for step in self.steps if not step.reasons)


@dataclass(frozen=True)
class Question:
    """What a plan is made for: every role in order, and what a person asked for."""

    order: Sequence[str]
    asked: Sequence[str] = ()
    full: bool = False


@dataclass(frozen=True)
class Inputs:
    """What the roles of one host stand on today: keyed digests, and why some results cannot be known from them."""

    digests: Digests
    impure: Mapping[str, Sequence[str]]


def plan(question: Question, kept: Contract | None, health: HostHealth, today: Inputs, trouble: str = "") -> Plan:
    """Return what has to run: roles asked for, else those that changed, that fail, or that nobody can vouch for.

    kept is this controller's contract; trouble says why it could not be read.
    """
    failing = {
        role: tuple(_failed(one) for one in health.failures("state") if one.check.role == role)
        for role in question.order
    }
    if question.asked:
        wanted = [role for role in question.order if role in question.asked]
        return Plan(tuple(Step(role, failing[role] or ("asked for",)) for role in wanted))
    everything = "--full" if question.full else trouble or _unproven(kept, health)
    if everything or kept is None:
        return Plan(tuple(Step(role, (everything,)) for role in question.order))
    return Plan(
        tuple(
            Step(
                role,
                (
                    *(f"not pure: {why}" for why in today.impure.get(role, ())),
                    *changed(kept.roles.get(role), today.digests.get(role, {})),
                    *failing[role],
                ),
            )
            for role in question.order
        )
    )


def changed(before: Mapping[str, str] | None, now: Mapping[str, str]) -> tuple[str, ...]:
    """Return in words which inputs of a role differ from those that it last ran with."""
    if before is None:
        return ("not run under this contract yet",)
    # Variables before files: they are what a person turned.
    differing = {name for name in {*before, *now} if before.get(name) != now.get(name)}
    names = sorted(differing, key=lambda name: ("/" in name, name))
    if not names:
        return ()
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (f"input changed: {', '.join(names[:MOST_NAMED])}{more}",)


def _unproven(kept: Contract | None, health: HostHealth) -> str:
    """Return why nothing can be said of any role, nothing where the host carries this controller's contract."""
    if kept is None:
        return "never deployed from here"
    return next((one.observed.removeprefix("none: ") for one in health.failures() if one.check is MARKER), "")


def _failed(result: CheckResult) -> str:
    # A check's name may say already what is wanted.
    want = "" if result.expected in result.check.name else f", want {result.expected}"
    return f"check failed: {result.check.name}: {result.observed}{want}"
