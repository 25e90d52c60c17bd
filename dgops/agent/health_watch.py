"""The health watch: the keeper has the host looked at by its own contract, again and again, while nobody is connected.

A look is a child's work, beside the keeper: edits and limits wait for none.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any, Dict, List, Optional

from dgops.agent import notes, process, roots, self_look
from dgops.agent.self_look import JUDGING, LOOKING

# Minutes of more than a thousand years: what is no number of any use.
NEVER = 1e9
PATIENCE = 1.0


class Watch:
    """Begins a look whenever one is due, and never two at once."""

    def __init__(self) -> None:
        self._child: Optional[int] = None
        self._killed: List[Dict[str, Any]] = []
        self._began = float("-inf")
        self._contract: Any = None
        self._greeted = self._ended = False

    def turn(self) -> None:
        """Begin a look where one is due; called at every round of the keeper."""
        every = interval()
        if every is None:
            self.end()
            return
        if not self._greeted:
            greet(os.getpid())
            self._greeted = True
        if self._busy():
            return
        contract = roots.record(roots.CONTRACT)
        if contract is None:
            # While roles run there is nothing to be held against, and what was found before counts no more.
            notes.remove(self_look.REPORT, self_look.METRICS)
            self._greeted = False
            return
        now = time.monotonic()
        if contract.get("id") != self._contract or now >= self._began + every:
            self._contract, self._began = contract.get("id"), now
            self._child = _fork(contract)

    def end(self) -> None:
        """Take back what was noted: nobody looks any more."""
        if self._child is not None and not self._ended:
            self._kill(self._child)
        until = time.monotonic() + PATIENCE
        while self._busy() and time.monotonic() < until:
            time.sleep(0.01)
        self._greeted, self._began = False, float("-inf")
        forget()

    def _busy(self) -> bool:
        """Tell whether a look is under way; one that hangs is ended, and one stuck in the kernel holds up the next."""
        if self._child is None:
            return False
        self._killed = [one for one in self._killed if not process.gone(one)]
        if self._killed:
            return True
        status = _status(self._child)
        if status is None:
            if time.monotonic() > self._began + LOOKING + JUDGING:
                self._kill(self._child)
                self_look.complain("no end within {:.0f} s".format(LOOKING + JUDGING), self_look.mine())
            return True
        if status and not self._ended:
            self_look.complain("it ended with {}".format(_how(status)), self_look.mine())
        self._child, self._ended = None, False
        return False

    def _kill(self, child: int) -> None:
        """End a look with all that it started, some of it in sessions of its own."""
        victims = {child} | process.below(child, process.table())
        self._killed, self._ended = [process.identity(one) for one in victims], True
        process.send(signal.SIGKILL, victims)


def interval() -> Optional[float]:
    """Return how many seconds lie between two looks, None where nobody asked for a watch."""
    wish = roots.record(roots.HEALTH_WATCH) or {}
    minutes = wish.get("minutes")
    if not isinstance(minutes, (int, float)) or isinstance(minutes, bool):
        return None
    return float(minutes) * 60 if 0 < minutes < NEVER else None


def greet(keeper: int) -> None:
    """Note that the keeper watches from now on, for whoever asks before its first look."""
    if interval() is not None:
        # What an earlier keeper saw is no proof of this one's looks.
        self_look.note(process.identity(keeper), since=time.time(), at=None, holding=None, asked=None)


def forget() -> None:
    """Remove what a watch leaves, the log aside: it would be believed."""
    notes.remove(self_look.REPORT, self_look.METRICS, self_look.NOTE)


def _fork(contract: self_look.Contract) -> int:
    keeper = self_look.mine()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            process.end_with(keeper["pid"])
            _first_to_go()
            # The keeper's lock among them: a look that hangs must not hold it.
            os.closerange(3, 65536)
            self_look.look_and_note(contract, keeper)
            code = 0
        finally:
            os._exit(code)
    return child


def _first_to_go() -> None:
    """Offer this process, with what it starts, where memory is short: it must not cost a training."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as stream:
        stream.write("1000")


def _status(child: int) -> Optional[int]:
    """Return how a child ended, None while it runs."""
    try:
        pid, status = os.waitpid(child, os.WNOHANG)
    except ChildProcessError:
        return 0
    return status if pid else None


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return "exit {}".format(os.WEXITSTATUS(status))
