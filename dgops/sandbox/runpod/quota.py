"""How many requests a minute the double takes, and the headers that say so."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WINDOW = 60.0


class Quota:
    """Counts the requests of the last minute's window."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._began, self._used = clock(), 0

    def take(self, most: int) -> tuple[dict[str, str], int]:
        """Count one request; returns the headers, and the seconds to wait where it is one too many, else 0."""
        with self._lock:
            now = self._clock()
            if now - self._began >= _WINDOW:
                self._began, self._used = now, 0
            self._used += 1
            left = max(0, most - self._used)
            reset = max(1, math.ceil(self._began + _WINDOW - now))
            over = reset if self._used > most else 0
        return {"RateLimit-Policy": f'"minute";q={most};w=60', "RateLimit": f'"minute";r={left};t={reset}'}, over
