"""Judge what a host saw of itself: run there by its agent, with a look on standard input and the verdict on output."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dgops.agent import redact
from dgops.agent.self_look import LEFT_OUT
from dgops.health import contract as contracts
from dgops.health.check import CheckResult, Outcome
from dgops.health.look import judge_marker, judged
from dgops.health.report_json import to_json
from dgops.health.report_prometheus import render
from dgops.hosts.host import Host

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from dgops.health.contract import Contract
    from dgops.health.look import HostHealth

# Of a check: its role and what it is called.
Name = tuple[str, str]
GOOD = (Outcome.PASS, Outcome.SKIP)
ALONE = "the host's own watch leaves it out"


def verdict(look: Mapping[str, Any]) -> dict[str, Any]:
    """Return report, metrics, news, the names of what fails, and how many of the checks that were asked hold.

    `look` holds the host's contract, the agent's answer to its checks without those LEFT_OUT, the seconds it took, and
    as `before` what failed at the last one, None at the first.
    """
    kept = contracts.from_json(look["contract"], "the host's contract")
    found = _judged(kept, look["answer"], float(look["seconds"]))
    asked = [one for one in found.results if one.outcome is not Outcome.SKIP]
    holding = sum(one.outcome is Outcome.PASS for one in asked)
    before = look.get("before")
    known = None if before is None else {(role, name) for role, name in before}
    return {
        "report": to_json([found]),
        "metrics": render([found]),
        "news": news(known, found.results, f"{holding} of {len(asked)} checks hold"),
        "failing": sorted(failing(found.results)),
        "holding": holding,
        "asked": len(asked),
    }


def _judged(kept: Contract, answer: dict[str, Any], seconds: float) -> HostHealth:
    asked = replace(kept, checks=tuple(one for one in kept.checks if one.type not in LEFT_OUT))
    found = judged(Host(kept.host, "local"), asked, answer, 0.0)
    left = [CheckResult(one, Outcome.SKIP, "", ALONE) for one in kept.checks if one.type in LEFT_OUT]
    # Of the marker's own contract, not of the part of it that was asked.
    results = (judge_marker(kept, answer["marker"]), *found.results[1:], *left)
    # Everybody may read it there.
    results = tuple(replace(one, observed=redact.text(one.observed, homes=False)) for one in results)
    outcome = Outcome.PASS if all(one.outcome in GOOD for one in results) else Outcome.FAIL
    return replace(found, outcome=outcome, seconds=seconds, results=results, contract=kept)


def news(before: Collection[Name] | None, results: Sequence[CheckResult], counts: str) -> list[str]:
    """Return a line for each check that failed `before` and holds, or the other way round, and a last one if any did.

    At the first look, before None, those that fail are new, and the last line is there in any case.
    """
    known, now = set(before or ()), failing(results)
    lines = []
    for name in dict.fromkeys(_name(one) for one in results):
        if (name in known) != (name in now):
            one = next(one for one in results if _name(one) == name and (one.outcome in GOOD) == (name in known))
            lines.append(f"{one.outcome.value:<5} {one.check.role}: {one.check.name}: {one.observed}")
    return [*lines, counts] if lines or before is None else []


def failing(results: Sequence[CheckResult]) -> set[Name]:
    """Return role and name of what does not hold: of two checks with one name neither may fail."""
    return {_name(one) for one in results if one.outcome not in GOOD}


def _name(one: CheckResult) -> Name:
    return one.check.role, one.check.name


if __name__ == "__main__":
    json.dump(verdict(json.load(sys.stdin)), sys.stdout)
