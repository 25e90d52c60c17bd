"""The log of this controller: one JSON object a line in logs/latest, older ones in logs/archive."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from structlog.typing import FilteringBoundLogger

    from dgops.events.clean import Cleaner

LEVELS = ("debug", "info", "warning", "error")


class Log:
    """Where the lines of one command go; opened by the first of them, so that a command that does nothing leaves none.

    A log that cannot be written never fails the command that it is of.
    """

    def __init__(self, folder: Path, argv: Sequence[str]) -> None:
        self.folder, self.argv = folder, list(argv)
        self.began = time.monotonic()
        self.file: BinaryIO | None = None
        self.dead = False
        self.secrets: set[str] = set()
        self.cleaner: Cleaner | None = None
        self.logger: FilteringBoundLogger | None = None

    def append(self, event: str, message: str, level: str, context: dict[str, Any]) -> None:
        """Append one line, after the one that says which command this is."""
        if self.file is None and not self.dead:
            # Loaded when there is something to say: most of the first line's cost.
            from dgops.events import chain, clean, shelf

            try:
                # Without a buffer a line is one write: lines of several commands never mix.
                self.file = os.fdopen(shelf.open_latest(self.folder), "ab", buffering=0)
            except OSError:
                self.dead = True
                return
            self.cleaner = clean.Cleaner()
            self.cleaner.register(self.secrets)
            self.logger = chain.logger(self.file, self.cleaner)
            self._write("command.start", " ".join(self.argv[:2]), "info", {"argv": self.argv})
        self._write(event, message, level, context)

    def register(self, values: Iterable[str]) -> None:
        """Take values for secret from now on."""
        self.secrets.update(values)
        if self.cleaner:
            self.cleaner.register(self.secrets)

    def end(self, code: int) -> None:
        """Say how the command ended, if it said anything."""
        if self.file:
            seconds = round(time.monotonic() - self.began, 3)
            level = "info" if code == 0 else "warning"
            self._write("command.end", f"exit {code}", level, {"exit": code, "seconds": seconds})
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self.file:
            self.file.close()
        self.file = self.logger = None

    def _write(self, event: str, message: str, level: str, context: dict[str, Any]) -> None:
        if self.logger:
            with contextlib.suppress(OSError):
                getattr(self.logger, level)(event, message=message, context=context)


_current: Log | None = None


def begin(folder: Path, argv: Sequence[str]) -> None:
    """Have the lines of this process go below a folder."""
    global _current  # noqa: PLW0603 - a process has one log
    if _current:
        _current.close()
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
