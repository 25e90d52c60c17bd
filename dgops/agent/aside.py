"""Work that may hang, done in a child: a volume that does not answer must not hold up whoever asked."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from typing import Any, Callable, Dict, Optional

from dgops.agent import process
from dgops.agent.ready import readable

Answer = Dict[str, Any]


class Aside:
    """One child at a time; one that is stuck in the kernel is left to itself, and nothing new begins meanwhile."""

    def __init__(self) -> None:
        self._stuck: Optional[int] = None

    def run(self, work: Callable[[], Answer], seconds: float) -> Optional[Answer]:
        """Return what the work answers, None where it did not in time or broke."""
        if self._stuck is not None and not _over(self._stuck):
            return None
        reader, writer = os.pipe()
        keeper = os.getpid()
        child = os.fork()
        if child == 0:
            try:
                process.end_with(keeper)
                _work(work, writer)
            finally:
                os._exit(0)
        os.close(writer)
        said = _read(reader, seconds)
        os.close(reader)
        if said is None:
            os.kill(child, signal.SIGKILL)
        until = time.monotonic() + 1
        while not _over(child) and time.monotonic() < until:
            time.sleep(0.01)
        self._stuck = None if _over(child) else child
        try:
            answer = json.loads(said or b"null")
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None


def _work(work: Callable[[], Answer], writer: int) -> None:
    # The keeper's lock among them: a child that hangs must not hold it.
    os.closerange(3, writer)
    os.closerange(writer + 1, 65536)
    left = memoryview(json.dumps(work()).encode())
    while left:
        left = left[os.write(writer, left) :]


def _read(reader: int, seconds: float) -> Optional[bytes]:
    until, said = time.monotonic() + seconds, b""
    while True:
        if not readable(reader, until - time.monotonic()):
            return None
        piece = os.read(reader, 1 << 16)
        if not piece:
            return said
        said += piece


def _over(child: int) -> bool:
    """Tell whether a child is gone, and reap it."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(child, os.WNOHANG)[0] != 0
    return True
