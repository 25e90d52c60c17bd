"""A command's output on its way into a log: redacted line by line, whatever the disk has to say."""

from __future__ import annotations

import os
import time
from typing import Optional

from dgops.agent.redact import KEY_MARK, Redactor

CHUNK = 1 << 16
# A longer line is broken: whoever reads a log holds a line in memory.
LONGEST_LINE = 1 << 16
# What is kept of a long line, so that a token across the break is seen; no known one is longer, a handed one may be.
HELD = 4096
SILENCE = 2.0


class Pump:
    """Carries one pipe into one log."""

    def __init__(self, pipe: int, path: str, redactor: Redactor) -> None:
        self.pipe = pipe
        # The command runs by now: what it may have put there must not make this wait.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self.log = os.open(path, flags, 0o644)
        self.redactor = redactor
        self.held = max([HELD, *map(len, redactor.values)])
        self.longest = max(LONGEST_LINE, 2 * self.held)
        self.pending = b""
        # The part of the current line that is in the log already, as it came: a pattern may begin in it.
        self.written = b""
        self.touched = time.monotonic()
        self.lost = 0
        self.complaint: Optional[str] = None
        self.closed = False
        os.set_blocking(pipe, False)

    def feed(self) -> bool:
        """Carry what the pipe holds now and return False at its end."""
        try:
            data = os.read(self.pipe, CHUNK)
        except BlockingIOError:
            return True
        if not data:
            return False
        self.touched = time.monotonic()
        self.pending += data
        cut = max(self.pending.rfind(b"\n"), self.pending.rfind(b"\r")) + 1
        if cut:
            self._carry_lines(cut)
        while len(self.pending) > self.longest:
            self._break_line()
        return True

    def settle(self) -> None:
        """Carry a line without its end after some silence (a prompt, a progress bar), up to its last white space."""
        if not self.pending or time.monotonic() - self.touched < SILENCE:
            return
        if self.redactor.key_lines or KEY_MARK in self.pending:
            return
        self._carry_part(max(self.pending.rfind(b" "), self.pending.rfind(b"\t")) + 1)

    def finish(self) -> None:
        """Carry what is left and close both ends; a second time does nothing."""
        if self.closed:
            return
        self.closed = True
        if self.pending:
            self._write(self.redactor.line(self.written + self.pending, len(self.written)))
        os.close(self.pipe)
        os.close(self.log)

    def _carry_lines(self, cut: int) -> None:
        lines, self.pending = self.pending[:cut], self.pending[cut:]
        if self.written:
            ends = [end for end in (lines.find(b"\n"), lines.find(b"\r")) if end >= 0]
            end = min(ends) + 1
            self._write(self.redactor.line(self.written + lines[:end], len(self.written)))
            lines, self.written = lines[end:], b""
        if lines:
            self._write(self.redactor.block(lines))

    def _carry_part(self, cut: int) -> None:
        if not cut:
            return
        before = len(self.written)
        cut = self.redactor.safe_cut(self.written + self.pending, before + cut) - before
        if cut > 0:
            self._write(self.redactor.line(self.written + self.pending[:cut], before))
            self.written = (self.written + self.pending[:cut])[-HELD:]
            self.pending = self.pending[cut:]

    def _break_line(self) -> None:
        before = len(self.written)
        space = self.pending.rfind(b" ", self.longest // 2, self.longest) + 1
        wanted = space or self.longest - self.held
        cut = self.redactor.safe_cut(self.written + self.pending, before + wanted) - before
        # A token of half the line is none: it is broken all the same.
        cut = cut if cut > 0 else wanted
        self._write(self.redactor.line(self.written + self.pending[:cut], before) + b"\n")
        self.pending, self.written = self.pending[cut:], b""

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self.log, left) :]
            except OSError as error:
                # The command goes on, its pipe must not fill up; what was lost is counted and told.
                self.lost += len(left)
                self.complaint = error.strerror
                return
