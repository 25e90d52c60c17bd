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
    from collections.abc import Mapping

    from dgops.health.contract import Contract
    from dgops.health.look import HostHealth

GOOD = (Outcome.PASS, Outcome.SKIP)
ALONE = "the host's own watch leaves it out"


def verdict(look: Mapping[str, Any]) -> dict[str, Any]:
    """Return report, metrics, what is new since the report `before`, and how many of the checks that were asked hold.

    `look` holds the host's contract, the agent's answer to its checks without those LEFT_OUT, and the seconds it took.
    """
    kept = contracts.from_json(look["contract"], "the host's contract")
    found = _judged(kept, look["answer"], float(look["seconds"]))
    asked = [one for one in found.results if one.outcome is not Outcome.SKIP]
    holding = sum(one.outcome is Outcome.PASS for one in asked)
    report = to_json([found])
    return {
        "report": report,
        "metrics": render([found]),
        "news": news(look.get("before"), report, f"{holding} of {len(asked)} checks hold"),
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


def news(before: Mapping[str, Any] | None, now: Mapping[str, Any], counts: str) -> list[str]:
    """Return a line for each check whose outcome is another one than before, and a last one where there was any.

    At the first look those that do not hold are new, and the last line is there in any case.
    """
    known = _holding(before) if before else {}
    lines = []
    for name, holds in _holding(now).items():
        if holds != known.get(name, True):
            one = next(one for one in _checks(now) if _name(one) == name and _holds(one) == holds)
            lines.append(f"{one['outcome']:<5} {one['role']}: {one['check']}: {one['observed']}")
    return [*lines, counts] if lines or not before else []


def _holding(report: Mapping[str, Any]) -> dict[tuple[str, str], bool]:
    """Return by role and name whether checks hold: of two with one name both."""
    found: dict[tuple[str, str], bool] = {}
    for one in _checks(report):
        found[_name(one)] = found.get(_name(one), True) and _holds(one)
    return found


def _checks(report: Mapping[str, Any]) -> list[dict[str, str]]:
    return [one for host in report["hosts"].values() for one in host["checks"]]


def _name(one: Mapping[str, str]) -> tuple[str, str]:
    return one["role"], one["check"]


def _holds(one: Mapping[str, str]) -> bool:
    return one["outcome"] in ("pass", "skip")


if __name__ == "__main__":
    json.dump(verdict(json.load(sys.stdin)), sys.stdout)
