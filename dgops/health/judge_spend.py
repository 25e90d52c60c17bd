"""Judge what a pod's keeper says of the limits that the pod was rented with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.agent.spend import STOP, WARN, lasting

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict = tuple["bool | None", str, str]


def spend(wanted: Mapping[str, Any], seen: dict[str, Any]) -> Verdict:
    """A keeper that lives holds what it keeps; one that cannot stop its pod, or is gone, lets it cost on."""
    expected = f"a keeper of its limits: {wanted['limits']}"
    note = seen["note"]
    if note is None:
        return False, expected, "none since the pod's start: nobody was in yet"
    if seen["gone"]:
        return False, expected, f"it is no more: {seen['gone']}"
    troubles = [str(one) for one in note["troubles"]]
    if troubles:
        return False, expected, "; ".join(troubles)
    if note["action"] == STOP:
        return False, expected, f"it stops the pod now: {note['reason']}"
    spent = f", {float(note['spent']):.2f} $ spent" if note["spent"] else ""
    return True, expected, f"{_coming(note, float(seen['age']))}{spent}"


def _coming(note: Mapping[str, Any], age: float) -> str:
    if note["left"] is None:
        return str(note["reason"]) if note["action"] == WARN else "no stop is near"
    within = lasting(max(0.0, float(note["left"]) - age))
    # A warning has its seconds in it already, and those are old.
    return f"stops in {within} at the soonest: {str(note['reason']).rpartition(': ')[2]}"
