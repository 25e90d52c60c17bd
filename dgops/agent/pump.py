"""A command's output on its way into a log: redacted line by line, whatever the disk has to say."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from dgops.agent.collapse import Collapse
from dgops.agent.redact import KEY_MARK, Redactor

if TYPE_CHECKING:
    from dgops.agent.collapse import Saw
    from dgops.agent.logfile import Log

CHUNK = 1 << 16
# A longer line is broken: whoever reads a log holds a line in memory.
LONGEST_LINE = 1 << 16
# What is kept of a long line, so that a token across the break is seen; no known one is longer, a handed one may be.
HELD = 4096
SILENCE = 2.0


class Pump:
    """Carries one pipe into one log; `saw` hears of each state of a line that is written over."""

    def __init__(self, pipe: int, log: Log, redactor: Redactor, saw: Saw = lambda _state: None) -> None:
        self.pipe = pipe
        self.log = Collapse(log, saw)
        self.redactor = redactor
        self.held = max([HELD, *map(len, redactor.values)])
        self.longest = max(LONGEST_LINE, 2 * self.held)
        self.pending = b""
        # The part of the current line that is in the log already, as it came: a pattern may begin in it.
        self.written = b""
        self.touched = time.monotonic()
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
        """Carry a line without its end after some silence (a prompt), up to its last white space.

        A state that may be written over is only shown.
        """
        if not self.pending or time.monotonic() - self.touched < SILENCE:
            return
        if self.redactor.key_lines or KEY_MARK in self.pending:
            return
        cut = max(self.pending.rfind(b" "), self.pending.rfind(b"\t")) + 1
        if self.log.state:
            self.log.saw(self.redactor.line(self.pending[: self.redactor.safe_cut(self.pending, cut)]))
        else:
            self._carry_part(cut)

    def finish(self) -> None:
        """Carry what is left and close the pipe; a second time does nothing."""
        if self.closed:
            return
        self.closed = True
        if self.pending:
            self.log.write(self.redactor.line(self.written + self.pending, len(self.written)))
        self.log.finish()
        os.close(self.pipe)

    def _carry_lines(self, cut: int) -> None:
        lines, self.pending = self.pending[:cut], self.pending[cut:]
        if self.written:
            ends = [end for end in (lines.find(b"\n"), lines.find(b"\r")) if end >= 0]
            end = min(ends) + 1
            self.log.write(self.redactor.line(self.written + lines[:end], len(self.written)))
            lines, self.written = lines[end:], b""
        if lines:
            self.log.write(self.redactor.block(lines))

    def _carry_part(self, cut: int) -> None:
        if not cut:
            return
        before = len(self.written)
        cut = self.redactor.safe_cut(self.written + self.pending, before + cut) - before
        if cut > 0:
            self.log.write(self.redactor.line(self.written + self.pending[:cut], before))
            self.written = (self.written + self.pending[:cut])[-HELD:]
            self.pending = self.pending[cut:]

    def _break_line(self) -> None:
        before = len(self.written)
        space = self.pending.rfind(b" ", self.longest // 2, self.longest) + 1
        wanted = space or self.longest - self.held
        cut = self.redactor.safe_cut(self.written + self.pending, before + wanted) - before
        # A token of half the line is none: it is broken all the same.
        cut = cut if cut > 0 else wanted
        self.log.write(self.redactor.line(self.written + self.pending[:cut], before) + b"\n")
        self.pending, self.written = self.pending[cut:], b""
