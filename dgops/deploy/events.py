"""What a run of Ansible did: its events, gathered per host and role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dgops.agent import failure
from dgops.deploy import tree
from dgops.deploy.hints import hint_for

if TYPE_CHECKING:
    from collections.abc import Mapping

LOST = "is the host still up, and the network between? dgops health looks; deploy again when it answers"


@dataclass(frozen=True)
class Failure:
    """The first thing that really went wrong on a host."""

    role: str
    task: str
    message: str
    hint: str
    detail: str = ""


@dataclass
class RoleRun:
    """One role's run on one host; tasks are those that changed something, or would."""

    role: str
    started: float
    ended: float
    changed: int = 0
    failed: bool = False
    tasks: list[str] = field(default_factory=list)


@dataclass
class HostRun:
    """One host's run: roles in order, notices for the person, and the first failure."""

    host: str
    roles: list[RoleRun] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    diffs: list[str] = field(default_factory=list)
    failure: Failure | None = None
    unreachable: bool = False
    rendered: Any = None
    stats: Mapping[str, int] | None = None

    def begin(self) -> None:
        """Make ready for a run of Ansible: an earlier one's account is not this one's."""
        self.stats = self.rendered = None

    @property
    def changed(self) -> int:
        """How many tasks changed something."""
        return sum(role.changed for role in self.roles)

    @property
    def failed(self) -> bool:
        """Whether Ansible gave up on the host; a rescued failure is none."""
        if self.stats is None:
            return self.failure is not None
        return bool(self.stats.get("failures") or self.stats.get("unreachable"))


def take(runs: dict[str, HostRun], event: Mapping[str, Any], now: float) -> RoleRun | None:
    """Enter one event into the runs; returns a role's run that this event showed to be over, for live output."""
    if event["event"] == "stats":
        for host, stats in event["hosts"].items():
            runs.setdefault(host, HostRun(host)).stats = stats
        return None
    if event["event"] == "diff":
        runs.setdefault(event["host"], HostRun(event["host"])).diffs.append(event["text"])
        return None
    return _take_result(runs.setdefault(event["host"], HostRun(event["host"])), event, now)


def _take_result(run: HostRun, event: Mapping[str, Any], now: float) -> RoleRun | None:
    outcome = event["outcome"]
    over = None
    if event["role"] != tree.BOOKKEEPING and not (outcome == "ok" and is_validation(event)):
        over = _enter_role(run, event["role"], now)
        run.roles[-1].changed += outcome == "changed"
        run.roles[-1].tasks += [event["task"]] if outcome == "changed" else []
        run.roles[-1].failed |= outcome in ("failed", "unreachable")
    if outcome in ("failed", "item_failed", "unreachable") and run.failure is None:
        run.failure = describe(event)
    run.unreachable |= outcome == "unreachable"
    if "value" in event:
        _take_value(run, event)
    return over


def is_validation(event: Mapping[str, Any]) -> bool:
    """Say whether an event is of Ansible's check of a role's arguments, also of roles that its tags leave out."""
    return str(event["task"]).startswith("Validating arguments against arg spec")


def _enter_role(run: HostRun, role: str, now: float) -> RoleRun | None:
    current = run.roles[-1] if run.roles else None
    if current and current.role == role:
        current.ended = now
        return None
    # Facts are gathered before any role; their time belongs to the role that comes first.
    if current and not current.role:
        current.role = role
        return None
    run.roles.append(RoleRun(role, current.ended if current else now, now))
    return current


def _take_value(run: HostRun, event: Mapping[str, Any]) -> None:
    if event["task"].startswith("Notice:"):
        message = event["value"].get("msg")
        run.notices += message if isinstance(message, list) else [str(message)] if message else []
    else:
        run.rendered = event["value"].get("ansible_facts", {}).get("contract__rendered")


def describe(event: Mapping[str, Any]) -> Failure:
    """Find the first real failing line in a failed task's output, with its hint."""
    texts = dict(event.get("failure", {}))
    keys = ("stderr", "module_stderr", "stdout", "module_stdout", "exception", "msg")
    detail = "\n".join(texts[key].strip() for key in keys if texts.get(key))
    words = " ".join(str(texts.get("msg", "")).removeprefix("Task failed: ").split()).rstrip(":")
    # An item of a loop fails before the task is known to have lost its host.
    if event["outcome"] == "unreachable" or words.startswith("Failed to connect to the host"):
        return Failure(event["role"], event["task"], words or "the connection was lost", LOST, detail)
    message = failure.first(detail) or texts.get("msg", "").strip() or "the task failed without a word"
    return Failure(event["role"], event["task"], message, hint_for(detail), detail)
