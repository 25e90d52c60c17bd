"""The wait for GPUs: a place in the host's queue, and in words what stands before it."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List

from dgops.agent import gpus

# Who stands first looks often; those far behind would only burn the host's processor.
TICK, SLOWEST, EACH = 0.25, 3.0, 0.05
# A queue that moves fast is not worth a line each time.
TELL = 5.0

Told = Callable[[str], None]


def wait_for(
    turn: gpus.Turn, wanted: Dict[str, Any], present: List[int], told: Told, tick: Callable[[], None]
) -> Dict[int, int]:
    """Return index → locked descriptor of the GPUs as soon as it is this job's turn and they are free.

    `told` hears why it waits whenever that changes; `tick` is called at least four times a second and may raise.
    """
    said, at = "", 0.0
    while True:
        ahead = turn.ahead()
        held = {} if ahead else turn.take(wanted, present)
        if held:
            return held
        reason = "waits for {}{}".format(gpus.described(wanted), _behind(ahead))
        if reason != said and (not said or not ahead or time.monotonic() - at > TELL):
            told(reason)
            said, at = reason, time.monotonic()
        until = time.monotonic() + min(TICK + EACH * ahead, SLOWEST)
        while time.monotonic() < until:
            time.sleep(TICK)
            tick()


def _behind(count: int) -> str:
    return ", {} job{} before it".format(count, "" if count == 1 else "s") if count else ""
