"""What a job shows of its progress, in events: often enough to be looked at, seldom enough to be kept."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional, Tuple

if TYPE_CHECKING:
    from dgops.agent.journal import Journal

# At most twice a second; in a long log of events far less often, since it has no end that is thrown away.
PACE, SLOW_PACE = 0.5, 10.0
LONG = 16 << 20
LONGEST = 400


class Progress:
    """What a job shows of its progress, in events: the newest state, no more often than somebody reads."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.newest: Optional[Tuple[str, str]] = None
        self.told: Optional[Tuple[str, str]] = None
        self.at = float("-inf")

    def saw(self, stream: str, state: bytes) -> None:
        """Take note of a redacted state."""
        text = state.decode(errors="replace").strip()[-LONGEST:]
        self.newest = (stream, text) if text else self.newest

    def tell(self, clock: float) -> None:
        """Append the newest state as an event where it is another than the last one and its time has come."""
        if self.newest is None or self.newest == self.told:
            return
        if clock - self.at < (PACE if self.journal.size() < LONG else SLOW_PACE):
            return
        self.told, self.at = self.newest, clock
        stream, text = self.newest
        self.journal.append("progress", text, stream=stream)

    def finish(self) -> None:
        """Tell the last state of all, in its time."""
        if self.newest is not None and self.newest != self.told:
            time.sleep(max(0.0, min(PACE, self.at + PACE - time.monotonic())))
            self.at = float("-inf")
            self.tell(time.monotonic())
