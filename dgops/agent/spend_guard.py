"""A pod's own guard of what it may cost: it looks, warns, and at a limit has edits spooled and stops the pod."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Callable, Dict, List, Mapping, Optional

from dgops.agent import notes, process, scan, spend, spend_meter

NOTE, LOG = "spend.json", "spend.log"
# A volume that is full stays full while nobody is there: for so long it is tried, then the limit counts.
SPOOL_PATIENCE = 600.0
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
# What the first process prints is the container's log, which the provider shows when the pod is gone.
PRINTED, FAREWELL = "/proc/1/fd/1", "dgops: this pod stops itself: "

Note = Dict[str, Any]


class Guard:
    """Stands beside the keeper; `look` is called at every round and says how soon it wants the next."""

    def __init__(self, limits: spend.Limits, faults: List[str], environment: Mapping[str, str]) -> None:
        self.limits, self.environment = limits, environment
        # Loaded where a pod has limits: HTTP takes longer to load than most requests take.
        from dgops.agent import spend_stop

        self.stop = spend_stop.stop
        self.faults = faults + [one for one in [spend_stop.hindrance(environment)] if one]
        self.pod = scan.pod_id()
        self.earlier = 0.0
        self.worked = time.monotonic()
        self.since: Optional[float] = None
        self.pause = FIRST_PAUSE
        self.said = ""

    def look(self, root: str, spool: Callable[[str], List[str]]) -> float:
        """Judge, and do what the verdict says; returns in how many seconds to look again.

        `spool` has every edit spooled, with the reason of the stop, and returns what went wrong.
        """
        state = self.state(bool(root))
        verdict = spend.judge(self.limits, state)
        if verdict.action != spend.STOP:
            self.since = None
            self.pause = FIRST_PAUSE
            self.tell(verdict, state, self.faults)
            return LONGEST_PAUSE if verdict.left is None else max(1.0, verdict.left)
        if self.since is None:
            self.since = time.monotonic()
            say_goodbye(verdict.reason)
        troubles = spool(verdict.reason)
        if troubles and time.monotonic() - self.since < SPOOL_PATIENCE:
            self.tell(verdict, state, ["edits could not be spooled: " + "; ".join(troubles)])
        else:
            trouble = self.stop(self.environment)
            self.tell(verdict, state, troubles + (["asked to stop, " + trouble] if trouble else []))
        self.pause, now = min(LONGEST_PAUSE, self.pause * 2), self.pause
        return now

    def state(self, kept: bool) -> spend.State:
        """Return how the pod stands now."""
        running, now = spend_meter.running(), time.monotonic()
        if self.limits.idle is None or spend_meter.at_work(self.limits.idle_gpu):
            self.worked = now
        spent = spend.cost(self.limits.price, self.earlier + running)
        return spend.State(running, spent, now - self.worked, kept)

    def record(self, before: Optional[Note], reason: str = "") -> Note:
        """Return what is to stand on the volume, from what stands there."""
        this = spend_meter.run()
        earlier = spend_meter.earlier(before, this)
        stopped = {"reason": reason, "at": time.time(), "run": this} if reason else (before or {}).get("stopped")
        return {"run": this, "earlier": earlier, "seconds": spend_meter.running(), "stopped": stopped}

    def tell(self, verdict: spend.Verdict, state: spend.State, troubles: List[str]) -> None:
        """Note the verdict where health reads it, and log what is new."""
        mine = {"at": time.time(), "keeper": process.identity(os.getpid())}
        note = {**verdict._asdict(), **state._asdict(), "troubles": troubles, **mine}
        with contextlib.suppress(OSError):
            notes.write(NOTE, json.dumps(note))
            # The seconds that are left are in every warning, and are no news.
            self.log("; ".join([verdict.action, verdict.reason.rpartition(": ")[2], *troubles]))

    def broke(self, error: Exception) -> None:
        """Note and log what nobody foresaw: the next round may do better."""
        words = "a round broke; {}: {}".format(type(error).__name__, str(error)[:200])
        with contextlib.suppress(OSError):
            before = noted()
            if before:
                notes.write(NOTE, json.dumps({**before, "troubles": [words]}))
            self.log(words)

    def log(self, words: str) -> None:
        """Log what is new."""
        if words != self.said:
            self.said = words
            notes.append(LOG, [words])


def of_this_pod() -> Optional[Guard]:
    """Return the guard of this pod, None where it has no limits."""
    environment = spend_meter.environment()
    limits, faults = spend.limits_of(environment)
    return Guard(limits, faults, environment) if limits.any() else None


def say_goodbye(reason: str) -> None:
    """Print the reason of a stop where somebody may read it afterwards; whoever prints nowhere is not waited for."""
    with contextlib.suppress(OSError):
        descriptor = os.open(PRINTED, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_APPEND)
        try:
            os.write(descriptor, (FAREWELL + reason + "\n").encode())
        finally:
            os.close(descriptor)


def noted() -> Optional[Note]:
    """Return the last verdict, None where there was none."""
    return notes.record(NOTE)
