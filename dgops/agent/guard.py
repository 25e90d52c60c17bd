"""The guard: a second process that ends what a killed supervisor would leave behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from dgops.agent import process

DEADLINE = 10.0


class Guard:
    """Stands beside a supervisor and waits for one of two things: its last word, or its death."""

    def __init__(self, job: str) -> None:
        reader, self.pipe = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self.pipe)
                _stand(reader, job)
            finally:
                os._exit(0)
        os.close(reader)

    def watch(self, session: int) -> None:
        """Tell the guard which session is the command's; of several the last one counts."""
        self._tell(b"%d\n" % session)

    def dismiss(self) -> None:
        """Let the guard go: nothing is left to be ended."""
        self._tell(b"done\n")
        os.close(self.pipe)
        # PID 1 of a pod never reaps, so nothing is left for it that need not be.
        until = time.monotonic() + 1
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(self.pid, os.WNOHANG)[0] == 0 and time.monotonic() < until:
                time.sleep(0.01)

    def _tell(self, words: bytes) -> None:
        # A guard that somebody killed is no reason to end the job.
        with contextlib.suppress(BrokenPipeError):
            os.write(self.pipe, words)


def _stand(reader: int, job: str) -> None:
    os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    # Logs and slots that are open here would outlive the job.
    os.closerange(3, reader)
    os.closerange(reader + 1, 65536)
    said = b""
    while True:
        data = os.read(reader, 4096)
        if not data:
            break
        said += data
    lines = said.split()
    if lines[-1:] == [b"done"]:
        return
    session = int(lines[-1]) if lines else None
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        left = process.members(job, session)
        if not left:
            return
        process.send(signal.SIGKILL, left)
        time.sleep(0.05)
