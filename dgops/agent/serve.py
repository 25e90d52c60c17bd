"""One agent for as long as a connection lasts: questions on stdin, one after the other, each answered by a child.

It says first that it is one. A question is a line `COMMAND LENGTH` and so much of what an agent of its own would read.
What the command answers comes in pieces, each behind a line with its length; a length of 0 ends them. Where a question
goes wrong the agent ends: whoever asks finds out why by asking an agent that serves nothing else.
"""

from __future__ import annotations

import importlib
import io
import os
import signal
from typing import BinaryIO, Callable, Dict

# Answers one request piece by piece: the command's name, what it reads, where each piece goes.
Respond = Callable[[str, BinaryIO, Callable[[bytes], None]], int]

# Who asks nothing for so long has gone, though nobody said so.
LONGEST_SILENCE = 900
LONGEST_HEAD = 100
GREETING = b"dgops agent\n"
BROKEN = 70


def serve(stdin: BinaryIO, stdout: BinaryIO, modules: Dict[str, str], respond: Respond) -> int:
    """Answer until stdin ends; returns the exit code."""
    # What goes wrong is told to who asks again, and nobody reads this.
    _to_nowhere(2)
    # The question waits by now. Who grew tired of waiting asks another agent: then this breaks, and nothing is done.
    stdout.write(GREETING)
    stdout.flush()
    while True:
        signal.alarm(LONGEST_SILENCE)
        head = stdin.readline(LONGEST_HEAD)
        signal.alarm(0)
        if not head:
            return 0
        name, size = head.decode().split()
        question = io.BytesIO(stdin.read(int(size)))
        # Here, so that each child finds it loaded.
        importlib.import_module(modules[name])
        # A command may become another user for good, work in another folder, leave something open.
        child = os.fork()
        if child == 0:
            code = BROKEN
            try:
                # What a command starts must not read the next question.
                _to_nowhere(0)
                code = respond(name, question, lambda piece: _write(stdout, piece))
                stdout.write(b"" if code else b"0\n")
                stdout.flush()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if status:
            return BROKEN


def _write(stdout: BinaryIO, piece: bytes) -> None:
    if piece:
        stdout.write(b"%d\n" % len(piece))
        stdout.write(piece)


def _to_nowhere(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    os.close(null)
