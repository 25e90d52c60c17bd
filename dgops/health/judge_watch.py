"""Judge what a host's own health watch says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.agent.self_look import JUDGING, LOOKING
from dgops.agent.spend import lasting

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict = tuple["bool | None", str, str]
# Looks that were missed before it counts: a host that is busy may be late with one.
MISSED = 2


def watch(wanted: Mapping[str, Any], seen: dict[str, Any]) -> Verdict:
    """A watch holds that lives and looks in time; that what it saw does not hold is for other checks to say."""
    every = float(wanted["minutes"]) * 60
    expected, note = f"a look every {lasting(every)}", seen["note"]
    if note is None:
        return False, expected, "none since the host's start: nobody was in yet"
    if seen["gone"]:
        return False, expected, f"it is no more: {seen['gone']}"
    if note["trouble"]:
        return False, expected, f"its last look came to nothing: {note['trouble']}"
    age = float(seen["age"])
    in_time = age <= MISSED * every + LOOKING + JUDGING
    if note["asked"] is None:
        return in_time, expected, f"its first look is to come, {lasting(age)} after it began"
    return in_time, expected, f"{int(note['holding'])} of {int(note['asked'])} checks held {lasting(age)} ago"
