"""Events that a command tells itself: lines of JSON on a pipe of their own, DGOPS_EVENTS_FD in its environment."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, Dict, Optional

if TYPE_CHECKING:
    from dgops.agent.journal import Journal

CHUNK = 1 << 16
LONGEST = 8192
LAST = 64
# Two words at least, so that none is taken for one of the agent's own.
NAME = re.compile(r"[a-z]{1,30}(\.[a-z_]{1,30}){1,3}\Z")
LEVELS = ("info", "warning", "error")


class Told:
    """Carries one such pipe into the journal; what is no event is left out."""

    def __init__(self, pipe: int, journal: Journal) -> None:
        self.pipe, self.journal = pipe, journal
        self.pending = b""
        self.closed = False
        os.set_blocking(pipe, False)

    def feed(self) -> bool:
        """Carry what the pipe holds now and return False at its end."""
        data = self._read()
        if data:
            *lines, self.pending = (self.pending + data).split(b"\n")
            for line in lines:
                self._append(line)
            if len(self.pending) > LONGEST:
                self.pending = b""
        return data != b""

    def finish(self) -> None:
        """Carry what is there still and close the pipe; a second time does nothing."""
        if self.closed:
            return
        # What is left behind may write on for ever.
        for _ in range(LAST):
            if not self.feed():
                break
        self.closed = True
        os.close(self.pipe)

    def _read(self) -> Optional[bytes]:
        """Return what is there: None for nothing yet, no bytes at the end."""
        try:
            return os.read(self.pipe, CHUNK)
        except BlockingIOError:
            return None

    def _append(self, line: bytes) -> None:
        try:
            told = json.loads(line) if len(line) <= LONGEST else None
        except (ValueError, RecursionError):
            return
        if not isinstance(told, dict) or not isinstance(told.get("event"), str) or not NAME.match(told["event"]):
            return
        level = told.get("level")
        fields: Dict[str, Any] = told["fields"] if isinstance(told.get("fields"), dict) else {}
        self.journal.append(
            told["event"],
            str(told.get("msg") or ""),
            level=level if level in LEVELS else "info",
            **{key: value for key, value in fields.items() if key not in ("event", "msg", "level", "self")},
        )
