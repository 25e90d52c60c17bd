"""A look as JSON: the documented shape of `dgops health --json`, and of what a host's own watch leaves there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.health.check import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.health.check import CheckResult
    from dgops.health.look import HostHealth


def to_json(found: Sequence[HostHealth]) -> dict[str, Any]:
    """Return `ok` and, by host, its outcome, how long the look took, and every check with what was seen."""
    return {
        "ok": all(one.outcome is Outcome.PASS for one in found),
        "hosts": {
            one.host: {
                "outcome": one.outcome.value,
                "seconds": round(one.seconds, 3),
                "checks": [_check(one, result) for result in one.results],
            }
            for one in found
        },
    }


def _check(one: HostHealth, result: CheckResult) -> dict[str, str]:
    return {
        "role": result.check.role,
        "check": result.check.name,
        "kind": result.check.kind,
        "outcome": result.outcome.value,
        "expected": result.expected,
        "observed": result.observed,
        "mend": "" if result.outcome in (Outcome.PASS, Outcome.SKIP) else one.mend(result),
    }
