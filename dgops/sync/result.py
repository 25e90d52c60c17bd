"""What a sync of one repository with one host came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.sync.host_side import Skipped
    from dgops.sync.maps import Shared
    from dgops.sync.reconcile import Change

BAD = ("conflict", "refused", "fresh", "unreachable")


class Refusal(DgopsError):  # noqa: N818 - the word that people see
    """A sync that would do harm, or cannot be done as things stand; nothing was changed."""


class NoSpool(Refusal):
    """A lost host saved nothing on its volume, or nothing of these folders."""


@dataclass(frozen=True)
class Result:
    """One (host, repository): what happened, and whether both sides are now equal.

    `changes` came home, `pushed` went to the host. `states`: map → its state in words. `local_tree` and `host_tree`
    are the ids of the trees that hold the mapped folders alone.
    """

    shared: Shared
    outcome: str
    parity: bool = False
    commit: str = ""
    branch: str = ""
    onto: str = ""
    since: str = ""
    base: str = ""
    changes: tuple[Change, ...] = ()
    pushed: tuple[Change, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    states: dict[str, str] = field(default_factory=dict)
    local_tree: str = ""
    host_tree: str = ""
    error: DgopsError | None = None

    @property
    def name(self) -> str:
        """HOST/REPO."""
        return f"{self.shared.host}/{self.shared.name}"

    @property
    def refused(self) -> tuple[Skipped, ...]:
        """The paths that were refused because they could do harm."""
        return tuple(one for one in self.skipped if one.hostile)

    def ok(self, *, looking: bool = False) -> bool:
        """Return whether all is well: nothing refused and, unless only looking, both sides proven equal."""
        return self.outcome not in BAD and not self.refused and self.error is None and (self.parity or looking)


def to_json(results: Sequence[Result], *, looking: bool) -> dict[str, Any]:
    """Return the documented shape of `dgops sync --json`."""
    return {
        "ok": all(one.ok(looking=looking) for one in results),
        "repos": {one.name: _json(one) for one in results},
    }


def _json(one: Result) -> dict[str, Any]:
    return {
        "outcome": one.outcome,
        "parity": one.parity,
        "commit": one.commit or None,
        "branch": one.branch or None,
        "files": [{"change": change.kind, "path": change.path} for change in one.changes],
        "pushed": [{"change": change.kind, "path": change.path} for change in one.pushed],
        "skipped": [{"path": skipped.path, "reason": skipped.reason} for skipped in one.skipped],
        "base": one.base or None,
        "local_tree": one.local_tree or None,
        "host_tree": one.host_tree or None,
        "maps": [each.name for each in one.shared.maps],
        "states": one.states,
        "error": {"message": one.error.message, "hint": one.error.hint} if one.error else None,
    }


def exit_code(results: Sequence[Result], *, looking: bool) -> int:
    """Return 0 where all is well, 3 where the only trouble is that a host could not be looked at, else 1."""
    bad = [one for one in results if not one.ok(looking=looking)]
    if not bad:
        return 0
    return 3 if all(isinstance(one.error, UnreachableError) for one in bad) else 1
