"""The supervisor: it keeps one job from its first wait to its last word."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from typing import Any, Dict, List, Optional, Set

from dgops.agent import failure, gpus, inputs, jobdir, launch, process, redact
from dgops.agent.guard import Guard
from dgops.agent.journal import Journal, now
from dgops.agent.pump import Pump

GRACE = 10.0
TICK = 0.25
BEAT = 5.0
# How long pipes may stay open when the command has ended: somebody else then holds them.
AFTER_END = 1.0
# How long what the command left behind has between SIGTERM and SIGKILL, and the last bytes on their way.
SWEEP, DRAIN = 2.0, 10.0
LADDER = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
# How much of a log's end is searched for the first failing line.
TAIL = 1 << 18
BROKEN = (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, IndexError, MemoryError)


class Cancelled(Exception):  # noqa: N818
    """The job was cancelled before its command had started."""


class Supervisor:
    """One job's keeper: its record, its journal, its command and the ladder of a cancel."""

    def __init__(self, folder: str, order: Dict[str, Any], wake: int) -> None:
        self.folder, self.order, self.spec = folder, order, order["spec"]
        self.record: Dict[str, Any] = {"status": "queued", "supervisor": process.identity(os.getpid())}
        self.turn = gpus.Turn(order["locks"], self.spec["id"]) if self.spec["gpus"] and order["present"] else None
        self.held: Dict[int, int] = {}
        self.started: Optional[launch.Started] = None
        self.code: Optional[int] = None
        self.pumps: List[Pump] = []
        self.selector = selectors.DefaultSelector()
        self.selector.register(wake, selectors.EVENT_READ)
        self.grace = GRACE
        self.cancelled: Optional[float] = None
        self.rung = 0
        self.ticked = self.beaten = 0.0
        self.kills = process.memory_kills()
        self.note()

    def note(self, **changes: Any) -> None:
        """Change the job's record, on the disk as well."""
        self.record.update(changes)
        jobdir.write_json(self.folder, "status.json", self.record, again=True)

    def run(self, folder: str) -> None:
        """Keep the job until it is over; `folder` is where its directory lies from now on."""
        self.folder = folder
        self.secrets = list(self.order["secrets"].values())
        self.journal = Journal(folder, self.spec["id"], self.spec["correlation"], self.secrets)
        self.guard = Guard(self.spec["id"])
        try:
            self._prepare()
            self._start()
            self._follow()
            self._sweep()
            outcome = self._outcome()
        except Cancelled:
            outcome = {"status": "cancelled", "reason": "cancelled before it had started"}
        except launch.LaunchError as error:
            reason = "it could not be started"
            outcome = {"status": "failed", "exit_code": error.code, "first_failure": str(error), "reason": reason}
        except BROKEN as error:
            process.send(signal.SIGKILL, self._members())
            outcome = {"status": "failed", "first_failure": _said(error), "reason": "the agent could not go on"}
        self._end(outcome)

    def _prepare(self) -> None:
        self.journal.append("created", "the job was accepted", kind=self.spec.get("kind"), label=self.spec.get("label"))
        if self.spec["inputs"]:
            self.note(reason="its inputs are being linked")
            work = os.path.join(self.folder, "work")
            count = inputs.link_all(self.order["base"], work, self.spec["inputs"], self._wait_tick)
            self.journal.append("linked", "its inputs were linked", files=count)
        if self.turn:
            self._wait_for_gpus(self.turn)
        elif self.spec["gpus"]:
            words = "it goes on without {}: this host shows none, and fast-test allows that"
            self.journal.append("gpus_missed", words.format(gpus.described(self.spec["gpus"])), level="warning")

    def _wait_for_gpus(self, turn: gpus.Turn) -> None:
        said = None
        while not self.held:
            self.held = turn.take(self.spec["gpus"], self.order["present"])
            if self.held:
                break
            reason = "waits for {}{}".format(gpus.described(self.spec["gpus"]), _behind(turn.ahead()))
            if reason != said:
                self.note(reason=reason)
                self.journal.append("waited", reason)
                said = reason
            time.sleep(TICK)
            self._wait_tick()
        self.turn = None
        self.journal.append("gpus_taken", "it holds GPU " + ", ".join(map(str, sorted(self.held))))

    def _start(self) -> None:
        self.ticked = 0.0
        self._wait_tick()
        self.started = launch.start(self.folder, self.order, self.held)
        self.guard.watch(self.started.pid)
        for pipe, name in ((self.started.stdout, "stdout"), (self.started.stderr, "stderr")):
            redactor = redact.Redactor(self.secrets)
            pump = Pump(pipe, os.path.join(self.folder, jobdir.STREAMS[name]), redactor)
            self.pumps.append(pump)
            self.selector.register(pipe, selectors.EVENT_READ, pump)
        slots = sorted(self.held) or None
        identity = process.identity(self.started.pid)
        self.note(status="running", started=now(), reason=None, command=identity, gpus=slots)
        self.journal.append("started", "the command was started", pid=self.started.pid, gpus=slots)

    def _follow(self) -> None:
        """Carry output until the command has ended and its pipes are closed, or stay open too long."""
        ended = None
        while True:
            flowing = self._carry(TICK)
            self._tick()
            if self.code is None:
                continue
            ended = ended or time.monotonic()
            if not flowing or time.monotonic() - ended > AFTER_END:
                return

    def _carry(self, wait: float) -> bool:
        """Carry what comes within `wait` seconds and return False where every pipe has come to its end."""
        for key, _ in self.selector.select(wait):
            if key.data is None:
                os.read(key.fd, 512)
                self.ticked = 0.0
            elif not key.data.feed():
                self.selector.unregister(key.fd)
                key.data.finish()
        flowing = [pump for pump in self.pumps if not pump.closed]
        for pump in flowing:
            pump.settle()
        return bool(flowing)

    def _tick(self) -> bool:
        """A few times a second: reap, beat, look for a cancel and climb; return whether it was time."""
        clock = time.monotonic()
        if clock - self.ticked < TICK:
            return False
        self.ticked = clock
        self._reap()
        if clock - self.beaten > BEAT:
            self.beaten = clock
            _touch(os.path.join(self.folder, "heartbeat"))
        if self.cancelled is None:
            self._look_for_cancel(clock)
        if self.cancelled is not None and self.started and self.code is None:
            self._climb(self.started.pid, clock - self.cancelled)
        return True

    def _wait_tick(self) -> None:
        if self._tick() and self.cancelled is not None:
            raise Cancelled

    def _look_for_cancel(self, clock: float) -> None:
        asked = jobdir.read_json(os.path.join(self.folder, "cancel"))
        if asked is None and not self.order["told"]:
            return
        grace = (asked or {}).get("grace")
        self.grace = float(grace) if isinstance(grace, (int, float)) else GRACE
        self.cancelled = clock
        self.journal.append(
            "cancel_asked", "a cancel was asked for" if asked else "the agent was told to end (SIGTERM)"
        )

    def _climb(self, group: int, waited: float) -> None:
        due = min(int(waited / self.grace) if self.grace > 0 else 2, len(LADDER) - 1)
        while self.rung <= due:
            number = LADDER[self.rung]
            # As a keyboard would: the group. Later whoever belongs to the job, other groups as well.
            if self.rung == 0:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, number)
            else:
                process.send(number, self._members())
            self.journal.append("signalled", "the command was sent {}".format(number.name), signal=number.name)
            self.rung += 1
        if due == len(LADDER) - 1:
            process.send(signal.SIGKILL, self._members())

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self.started and pid == self.started.pid:
                self.code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                self.started.handle.returncode = self.code

    def _members(self) -> Set[int]:
        session = self.started.pid if self.started else None
        return process.members(self.spec["id"], session, os.getpid()) - {self.guard.pid}

    def _sweep(self) -> None:
        """End what the command left behind and carry its last words: a job is over when its command is."""
        left = self._members()
        if left:
            words = "what the command had left running was ended: {} process{}"
            self.journal.append("swept", words.format(len(left), "" if len(left) == 1 else "es"), level="warning")
            process.send(signal.SIGTERM, left)
        until = time.monotonic() + SWEEP
        while left and time.monotonic() < until:
            self._carry(0.05)
            self._reap()
            left = self._members()
        until = time.monotonic() + DRAIN
        while time.monotonic() < until:
            process.send(signal.SIGKILL, left)
            flowing = self._carry(0.05)
            self._reap()
            left = self._members()
            if not left and not flowing:
                break
        for pump in self.pumps:
            pump.finish()

    def _outcome(self) -> Dict[str, Any]:
        outcome: Dict[str, Any] = {"exit_code": self.code, "status": "failed", "reason": None}
        lost = sum(pump.lost for pump in self.pumps)
        complaint = next((pump.complaint for pump in self.pumps if pump.complaint), None)
        if lost:
            outcome["reason"] = "{} bytes of its output could not be written: {}".format(lost, complaint)
        if self.cancelled is not None and self.rung:
            ended = "cancelled; {} was sent".format(LADDER[self.rung - 1].name)
            return dict(outcome, status="cancelled", reason=outcome["reason"] or ended)
        if self.code and process.memory_kills() > self.kills:
            outcome["reason"] = outcome["reason"] or "the kernel killed a process for want of memory"
        if self.code:
            logs = [_tail(os.path.join(self.folder, jobdir.STREAMS[name])) for name in ("stderr", "stdout")]
            return dict(outcome, first_failure=failure.of_command(self.spec["argv"], self.code, logs))
        missing = [one for one in self.spec["outputs"] if not os.path.exists(os.path.join(self.folder, "work", one))]
        if missing:
            words = "declared output {} was not written".format(", ".join(missing))
            return dict(outcome, first_failure=words, reason=outcome["reason"] or words)
        return dict(outcome, status="succeeded")

    def _end(self, outcome: Dict[str, Any]) -> None:
        outcome = redact.every(outcome, self.secrets)
        if self.turn:
            self.turn.leave()
        gpus.release(self.held)
        self.guard.dismiss()
        status = outcome["status"]
        level = {"succeeded": "info", "cancelled": "warning"}.get(status, "error")
        words = outcome.get("first_failure") or outcome.get("reason") or "the job {}".format(status)
        shown = {key: outcome.get(key) for key in ("status", "exit_code", "first_failure", "reason")}
        self.journal.finish(words, level=level, **shown)
        self.note(finished=now(), **outcome)
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.folder, ".status.json.next"))


def _behind(count: int) -> str:
    return ", {} job{} before it".format(count, "" if count == 1 else "s") if count else ""


def _touch(path: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = jobdir.open_regular(path, os.O_WRONLY | os.O_CREAT)
        os.utime(descriptor)
        os.close(descriptor)


def _tail(path: str) -> str:
    try:
        with open(jobdir.open_regular(path), "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL))
            return stream.read(TAIL).decode(errors="replace")
    except OSError:
        return ""


def _said(error: BaseException) -> str:
    """Return what went wrong: a sentence of the agent's own or the system's, else with the kind of the accident."""
    if isinstance(error, OSError) and error.args:
        return "{}: {}".format(error.filename, error.strerror) if error.filename else error.strerror or str(error)
    return "{}: {}".format(type(error).__name__, error)
