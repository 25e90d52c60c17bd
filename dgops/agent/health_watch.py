"""The health watch: the keeper has the host looked at by its own contract, and notes what was found.

A look is a child's work, beside the keeper: edits and limits wait for none. Root observes, as for a controller; what
judges is dgops as it is installed in the runtime venv, run as that venv's owner.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import time
from typing import Any, Dict, List, Optional

from dgops.agent import aside, notes, process, roots

REPORT, METRICS, NOTE, LOG = "health.json", "health.prom", "watch.json", "health.log"
# Neither a clock nor the watch can be held against itself; torch at work takes GPU memory, perhaps a training's last.
LEFT_OUT = ("clock", "torch", "watch")
# A look has deadlines of its own; what takes longer than both hangs.
LOOKING, JUDGING = 120.0, 30.0
NEVER = 1e9
# Of a sentence of somebody else's.
LONGEST = 300

# What disks, other programs and our own mistakes may do to a look.
TROUBLES = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)

Contract = Dict[str, Any]


class LookError(RuntimeError):
    """A look came to no result; the message says why."""


class Watch:
    """Begins a look whenever one is due, and never two at once."""

    def __init__(self) -> None:
        self._child: Optional[int] = None
        self._began = self._due = 0.0
        self._noted = False

    def turn(self) -> float:
        """Begin a look where one is due; returns in how many seconds the next one is."""
        every = interval()
        if every is None:
            self.end()
            return NEVER
        if not self._noted:
            # Whoever asks now learns that the watch lives.
            _note({})
            self._noted = True
        now = time.monotonic()
        if self._busy(now):
            return NEVER
        contract = roots.record(roots.CONTRACT)
        if contract is None:
            # While roles run there is nothing to be held against.
            return NEVER
        if now >= self._due:
            self._due, self._began = now + every, now
            self._child = _fork(contract, process.identity(os.getpid()))
        return self._due - now

    def end(self) -> None:
        """Take back what was noted: nobody looks any more, and what stands there would be believed."""
        if self._child is not None and not aside.over(self._child):
            os.kill(self._child, signal.SIGKILL)
            aside.wait(self._child)
        self._child, self._noted, self._due = None, False, 0.0
        notes.remove(REPORT, METRICS, NOTE)

    def _busy(self, now: float) -> bool:
        """Tell whether a look is under way; one that hangs is ended, and one stuck in the kernel holds up the next."""
        if self._child is None or aside.over(self._child):
            self._child = None
            return False
        if now - self._began > LOOKING + JUDGING:
            os.kill(self._child, signal.SIGKILL)
            _note({"trouble": "no end within {:.0f} s".format(LOOKING + JUDGING)})
        return True


def interval() -> Optional[float]:
    """Return how many seconds lie between two looks, None where nobody asked for a watch."""
    wish = roots.record(roots.HEALTH_WATCH) or {}
    minutes = wish.get("minutes")
    if not isinstance(minutes, (int, float)) or isinstance(minutes, bool):
        return None
    return float(minutes) * 60 if 0 < minutes < NEVER else None


def noted() -> Optional[Dict[str, Any]]:
    """Return what the watch noted last, None where there is none."""
    return notes.record(NOTE)


def look(contract: Contract) -> Dict[str, Any]:
    """Look at this host once and have it judged; returns `report`, `metrics`, `holding`, `asked` and `news`.

    Raises LookError where that cannot be done.
    """
    # Loaded here, as is whatever only a look needs: every job asks whether there is a watch.
    from dgops.agent import probe

    began = time.monotonic()
    asked = [one for one in contract["checks"] if one["type"] not in LEFT_OUT]
    request = {
        "checks": [{key: value for key, value in one.items() if key not in ("role", "name", "mend")} for one in asked],
        "persistent_root": contract["persistent_root"],
        "runtime": contract["runtime"],
    }
    answer = probe.answer(request)
    question = {"contract": contract, "answer": answer, "before": notes.record(REPORT)}
    return _judged(dict(question, seconds=time.monotonic() - began), contract["runtime"])


def _judged(question: Dict[str, Any], runtime: str) -> Dict[str, Any]:
    from dgops.agent import observe

    python = os.path.join(runtime, "bin", "python")
    try:
        owner = pwd.getpwuid(os.stat(runtime).st_uid).pw_name
        done = subprocess.run(
            [python, "-I", "-m", "dgops.health.watch"],
            input=json.dumps(question).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=JUDGING,
            cwd="/",
            env=observe.environment(owner),
            preexec_fn=lambda: observe.enter(owner),
            check=False,
        )
    except (OSError, KeyError, subprocess.TimeoutExpired) as error:
        raise LookError("{} cannot judge: {}".format(python, error)) from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["exit {}".format(done.returncode)]
        raise LookError("{} cannot judge: {}".format(python, lines[-1]))
    try:
        found = json.loads(done.stdout)
        return {"report": dict(found["report"]), "metrics": str(found["metrics"]), "news": list(found["news"]),
                "holding": int(found["holding"]), "asked": int(found["asked"])}  # fmt: skip
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise LookError("{} judges in words that make no sense".format(python)) from error


def _fork(contract: Contract, keeper: Dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        try:
            process.control(process.PR_SET_PDEATHSIG, signal.SIGKILL)
            # The keeper's lock among them: a look that hangs must not hold it.
            os.closerange(3, 65536)
            _look_and_note(contract, keeper)
        finally:
            os._exit(0)
    return child


def _look_and_note(contract: Contract, keeper: Dict[str, Any]) -> None:
    try:
        found = look(contract)
        # The log first: what a kill leaves out of the report is news once more.
        _log(found["news"])
        notes.write(REPORT, json.dumps(found["report"]))
        notes.write(METRICS, found["metrics"])
        _note({"at": time.time(), "holding": found["holding"], "asked": found["asked"]}, keeper)
    except TROUBLES as error:
        _complain(error, keeper)


def _complain(error: Exception, keeper: Dict[str, Any]) -> None:
    from dgops.agent import redact

    words = str(error) if isinstance(error, LookError) else "{}: {}".format(type(error).__name__, error)
    trouble = redact.text(words, homes=False)[:LONGEST]
    # What goes wrong at every look for weeks is told once.
    if trouble != (noted() or {}).get("trouble"):
        _log(["the look came to nothing: " + trouble])
    _note({"trouble": trouble}, keeper)


def _note(new: Dict[str, Any], keeper: Optional[Dict[str, Any]] = None) -> None:
    """Note what is new, and the keeper; a look that came to nothing leaves the last one's time."""
    before = noted() or {}
    kept = {"at": before.get("at"), "holding": before.get("holding"), "asked": before.get("asked"), "trouble": ""}
    try:
        notes.write(NOTE, json.dumps({**kept, **new, "keeper": keeper or process.identity(os.getpid())}))
    except OSError:
        # A full disk: how old the last look is tells enough.
        return


def _log(lines: List[str]) -> None:
    try:
        notes.append(LOG, [" ".join(str(line).split()) for line in lines])
    except OSError:
        return
