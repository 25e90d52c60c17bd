"""Stalls: a command that has written nothing for many times as long as one of its steps takes."""

from __future__ import annotations

from collections import deque
from typing import Any, Deque, Dict, Optional

# A step is the time between two signs of life; so few of them tell nothing.
FEWEST, MOST = 5, 200
# Who was not looking for so long was held up itself, and so was the command: a frozen machine is no stall.
HELD_UP = 10.0


class Watch:
    """Looks at one command; all times are seconds of the monotonic clock, which no change of the date moves."""

    def __init__(self, times: int, least: float, begun: float, from_start: bool = False) -> None:
        self.times, self.least, self.from_start = times, least, from_start
        self.last = self.looked = begun
        self.steps: Deque[float] = deque(maxlen=MOST)

    @property
    def step(self) -> float:
        """The median step."""
        # The module statistics takes longer to load than most of what the agent is asked for.
        return sorted(self.steps)[len(self.steps) // 2] if self.steps else 0.0

    def pace(self) -> str:
        """Return in words how long a step takes, nothing where that is not known."""
        return ", a step takes {:.1f} s".format(self.step) if len(self.steps) >= FEWEST else ""

    def look(self, clock: float, touched: float) -> Optional[float]:
        """Return for how long there was no sign where that is a stall, else None; `touched` is when the last one was.

        It is a stall after `times` the median step, and after `least` seconds in any case. While there were too few
        signs to know a pace by, it is one after `least` seconds, or never without `from_start`.
        """
        if clock - self.looked > HELD_UP:
            self.last = clock
        elif touched > self.last:
            self.steps.append(touched - self.last)
            self.last = touched
        self.looked = clock
        silent = clock - self.last
        if len(self.steps) < FEWEST:
            return silent if self.from_start and silent > self.least else None
        return silent if silent > max(self.least, self.times * self.step) else None


def watch(asked: Dict[str, Any], begun: float) -> Watch:
    """Return the watch that a job's spec asks for."""
    return Watch(asked["times"], asked["least"], begun, asked.get("from_start", False))
