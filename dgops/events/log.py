"""The log of this controller: one JSON object a line in logs/latest, older ones in logs/archive.

Not through structlog, whose import takes as long as half of an unchanged deploy.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

from dgops.events.trace import trace_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from dgops.events.clean import Cleaner

LEVELS = ("debug", "info", "warning", "error")
SERVICE = "dgops"
LONGEST = 64 << 10


class Log:
    """Where the lines of one command go; opened by the first of them, so that a command that does nothing leaves none.

    A log that cannot be written never fails the command that it is of.
    """

    def __init__(self, folder: Path, argv: Sequence[str]) -> None:
        self.folder, self.argv = folder, list(argv)
        self.began = time.monotonic()
        self.descriptor: int | None = None
        self.dead = False
        self.secrets: set[str] = set()
        self.cleaner: Cleaner | None = None

    def append(self, event: str, message: str, level: str, context: dict[str, Any]) -> None:
        """Append one line, after the one that says which command this is."""
        if self.descriptor is None and not self.dead:
            # Loaded when there is something to say: most of the first line's cost.
            from dgops.events import clean, shelf

            try:
                self.descriptor = shelf.open_latest(self.folder)
            except OSError:
                self.dead = True
                return
            self.cleaner = clean.Cleaner()
            self.cleaner.register(self.secrets)
            self._write("command.start", " ".join(self.argv[:2]), "info", {"argv": self.argv})
        self._write(event, message, level, context)

    def register(self, values: Iterable[str]) -> None:
        """Take values for secret from now on."""
        self.secrets.update(values)
        if self.cleaner:
            self.cleaner.register(self.secrets)

    def end(self, code: int) -> None:
        """Say how the command ended, if it said anything."""
        if self.descriptor is not None:
            seconds = round(time.monotonic() - self.began, 3)
            level = "info" if code == 0 else "warning"
            self._write("command.end", f"exit {code}", level, {"exit": code, "seconds": seconds})
            os.close(self.descriptor)
            self.descriptor = None

    def _write(self, event: str, message: str, level: str, context: dict[str, Any]) -> None:
        if self.descriptor is None or self.cleaner is None:
            return
        record = {
            "timestamp": _now(),
            "level": level,
            "service": SERVICE,
            "correlation_id": trace_id(),
            "event": event,
            "message": self.cleaner.text(message),
            "context": self.cleaner.value(context),
        }
        line = json.dumps(record)
        if len(line) > LONGEST:
            line = json.dumps({**record, "message": record["message"][:1000], "context": {"cut": len(line)}})
        with contextlib.suppress(OSError):
            # One write: lines of several commands never mix.
            os.write(self.descriptor, line.encode() + b"\n")


_current: Log | None = None


def begin(folder: Path, argv: Sequence[str]) -> None:
    """Have the lines of this process go below a folder."""
    global _current  # noqa: PLW0603 - a process has one log
    _current = Log(folder, argv)


def note(event: str, message: str, level: str = "info", **context: Any) -> None:
    """Write a line, if this process has a log; level is debug, info, warning or error."""
    if _current:
        _current.append(event, message, level, context)


def end(code: int) -> None:
    """Say how the command ended."""
    if _current:
        _current.end(code)


def register(values: Iterable[str]) -> None:
    """Take values for secret: no line written from now on holds one."""
    if _current:
        _current.register(values)


def _now() -> str:
    seconds = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"
