"""One command of a job: started, carried into the logs, ended by a ladder of signals, and nothing of it left."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Set

from dgops.agent import launch, process, redact
from dgops.agent.pump import Pump
from dgops.agent.told import Told

if TYPE_CHECKING:
    from dgops.agent.journal import Journal
    from dgops.agent.logfile import Log
    from dgops.agent.progress import Progress

# How long what the command left behind has between SIGTERM and SIGKILL, and the last bytes on their way.
SWEEP, DRAIN = 2.0, 10.0
LADDER = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


class Command:
    """A running command; `selector` may hold other descriptors, those without data wake and say nothing."""

    def __init__(self, job: str, selector: selectors.BaseSelector, journal: Journal, guard: int) -> None:
        self.job, self.selector, self.journal, self.guard = job, selector, journal, guard
        self.handle: Optional[launch.Started] = None
        self.code: Optional[int] = None
        self.pumps: List[Pump] = []
        self.told: Optional[Told] = None
        self.rung = 0

    def start(self, folder: str, order: Dict[str, Any], held: Dict[int, int]) -> int:
        """Start it and return its pid; raises LaunchError."""
        self.handle = launch.start(folder, order, held)
        return self.handle.pid

    def carry_into(self, logs: Dict[str, Log], progress: Progress, secrets: List[str]) -> None:
        """Say where its output goes."""
        assert self.handle is not None
        for pipe, name in ((self.handle.stdout, "stdout"), (self.handle.stderr, "stderr")):
            pump = Pump(pipe, logs[name], redact.Redactor(secrets), partial(progress.saw, name))
            self.pumps.append(pump)
            self.selector.register(pipe, selectors.EVENT_READ, pump)
        self.told = Told(self.handle.told, self.journal)
        self.selector.register(self.handle.told, selectors.EVENT_READ, self.told)

    @property
    def touched(self) -> float:
        """When it last wrote anything, by the monotonic clock."""
        return max(pump.touched for pump in self.pumps)

    def carry(self, wait: float) -> bool:
        """Carry what comes within `wait` seconds and return False where every pipe has come to its end."""
        for key, _ in self.selector.select(wait):
            if key.data is None:
                os.read(key.fd, 512)
            elif not key.data.feed():
                self.selector.unregister(key.fd)
                key.data.finish()
        flowing = [pump for pump in self.pumps if not pump.closed]
        for pump in flowing:
            pump.settle()
        return bool(flowing)

    def reap(self) -> None:
        """Take note of children that have ended; the command's own end gives its exit code."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self.handle and pid == self.handle.pid:
                self.code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                self.handle.handle.returncode = self.code

    def members(self) -> Set[int]:
        """Return what lives of it."""
        session = self.handle.pid if self.handle else None
        return process.members(self.job, session, os.getpid()) - {self.guard}

    def climb(self, waited: float, grace: float) -> None:
        """Send the signals that are due `waited` seconds after its end was wanted."""
        assert self.handle is not None
        due = min(int(waited / grace) if grace > 0 else 2, len(LADDER) - 1)
        while self.rung <= due:
            number = LADDER[self.rung]
            # As a keyboard would: the group. Later whoever belongs to the job, other groups as well.
            if self.rung == 0:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.handle.pid, number)
            else:
                process.send(number, self.members())
            self.journal.append("signalled", "the command was sent {}".format(number.name), signal=number.name)
            self.rung += 1
        if due == len(LADDER) - 1:
            process.send(signal.SIGKILL, self.members())

    def sweep(self) -> None:
        """End what it left behind and carry its last words: it is over when its command is."""
        left = self.members()
        if left:
            words = "what the command had left running was ended: {} process{}"
            self.journal.append("swept", words.format(len(left), "" if len(left) == 1 else "es"), level="warning")
            process.send(signal.SIGTERM, left)
        until = time.monotonic() + SWEEP
        while left and time.monotonic() < until:
            self.carry(0.05)
            self.reap()
            left = self.members()
        until = time.monotonic() + DRAIN
        while time.monotonic() < until:
            process.send(signal.SIGKILL, left)
            flowing = self.carry(0.05)
            self.reap()
            left = self.members()
            if not left and not flowing:
                break
        for pump in self.pumps:
            if not pump.closed:
                self.selector.unregister(pump.pipe)
            pump.finish()
        if self.told and not self.told.closed:
            self.selector.unregister(self.told.pipe)
            self.told.finish()
