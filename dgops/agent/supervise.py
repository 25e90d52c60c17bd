"""The supervisor: it keeps one job from its first wait to its last word."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from dgops.agent import busy, gpus, inputs, jobdir, launch, outcome, process, redact, spec, stall, waiting
from dgops.agent.command import LADDER, Command
from dgops.agent.guard import Guard
from dgops.agent.journal import Journal, now
from dgops.agent.logfile import Log
from dgops.agent.progress import Progress

if TYPE_CHECKING:
    from dgops.agent.outcome import Outcome

GRACE = 10.0
TICK = 0.25
BEAT = 5.0
# How long pipes may stay open when the command has ended: somebody else then holds them.
AFTER_END = 1.0
# Between two attempts: a second, then twice as long each time.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
BROKEN = (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, IndexError, MemoryError)


class Cancelled(Exception):  # noqa: N818
    """The job was cancelled while no command of it ran."""


class Supervisor:
    """One job's keeper: its record, its journal, its commands and the wish to end them."""

    def __init__(self, folder: str, order: Dict[str, Any], wake: int) -> None:
        self.folder, self.order, self.spec = folder, order, order["spec"]
        self.record: Dict[str, Any] = {"status": "queued", "supervisor": process.identity(os.getpid())}
        self.before = self._recall(order["again"]) if order.get("again") else 0
        wanted = self.spec["gpus"] and order["present"]
        self.turn = gpus.Turn(order["locks"], self.spec["id"], self.spec.get("priority") or 0) if wanted else None
        self.held: Dict[int, int] = {}
        self.guard: Optional[Guard] = None
        self.command: Optional[Command] = None
        self.selector = selectors.DefaultSelector()
        self.selector.register(wake, selectors.EVENT_READ)
        self.grace = GRACE
        self.cancelled: Optional[float] = None
        self.stalled: Optional[str] = None
        self.stopped: Optional[float] = None
        self.ticked = self.beaten = 0.0
        self.note()

    def _recall(self, lost: str) -> int:
        """Take over what is known of a lost job, and return how many attempts it had."""
        known = jobdir.read_json(os.path.join(self.folder, "status.json")) or {}
        attempt = known.get("attempt")
        attempt = attempt if isinstance(attempt, int) and 0 < attempt < spec.MOST_ATTEMPTS else 0
        if attempt:
            rows = known["failures"] if isinstance(known.get("failures"), list) else []
            rows.append({"attempt": attempt, "exit_code": None, "first_failure": "lost: {}".format(lost)})
            self.record.update(started=known.get("started"), attempt=attempt, failures=rows[-jobdir.MOST_FAILURES :])
        return attempt

    def note(self, **changes: Any) -> None:
        """Change the job's record, on the disk as well."""
        self.record.update(changes)
        jobdir.write_json(self.folder, "status.json", self.record, again=True)

    def run(self, folder: str) -> None:
        """Keep the job until it is over; `folder` is where its directory lies from now on."""
        self.folder = folder
        self.secrets = list(self.order["secrets"].values())
        self.journal = Journal(folder, self.spec["id"], self.spec["correlation"], self.secrets)
        self.progress = Progress(self.journal)
        try:
            self._prepare()
            ended = self._attempts()
        except Cancelled:
            begun = "between two attempts" if self.command else "before it had started"
            ended = {"status": "cancelled", "reason": "cancelled {}".format(begun)}
        except launch.LaunchError as error:
            reason = "it could not be started"
            ended = {"status": "failed", "exit_code": error.code, "first_failure": str(error), "reason": reason}
        except BROKEN as error:
            process.send(signal.SIGKILL, self.command.members() if self.command else set())
            words = outcome.of_accident(error)
            ended = {"status": "failed", "first_failure": words, "reason": "the agent could not go on"}
        self._end(ended)

    def _prepare(self) -> None:
        if self.order.get("again"):
            self.journal.append(
                "resumed", "the job was lost and goes on: {}".format(self.order["again"]), level="warning"
            )
        else:
            kind, label = self.spec.get("kind"), self.spec.get("label")
            self.journal.append("created", "the job was accepted", kind=kind, label=label)
        # Where it ran, its work folder is as the last attempt left it.
        if self.spec["inputs"] and not self.before:
            self.note(reason="its inputs are being linked")
            work = os.path.join(self.folder, "work")
            if self.order.get("again"):
                shutil.rmtree(work)
                os.mkdir(work)
            count = inputs.link_all(self.order["base"], work, self.spec["inputs"], self._wait_tick)
            self.journal.append("linked", "its inputs were linked", files=count)
        if self.turn:
            wanted, present = self.spec["gpus"], self.order["present"]
            self.held = waiting.wait_for(self.turn, wanted, present, self._waits, self._wait_tick)
            self.turn = None
            self.journal.append("gpus_taken", "it holds GPU " + ", ".join(map(str, sorted(self.held))))
        elif self.spec["gpus"]:
            words = "it goes on without {}: this host shows none, and fast-test allows that"
            self.journal.append("gpus_missed", words.format(gpus.described(self.spec["gpus"])), level="warning")
        paths = {name: os.path.join(self.folder, jobdir.STREAMS[name]) for name in ("stdout", "stderr")}
        self.logs = {name: Log(path) for name, path in paths.items()}
        self.guard = Guard(self.spec["id"])

    def _waits(self, reason: str) -> None:
        self.note(reason=reason)
        self.journal.append("waited", reason)

    def _attempts(self) -> Outcome:
        """Run the command, and where it failed and more attempts are allowed, the one that resumes it."""
        number = self.before + 1
        attempts = number + (self.spec.get("retries") or 0)
        while True:
            ended = self._attempt(number)
            if ended["status"] != "failed" or number == attempts or self.cancelled is not None:
                return ended
            pause = min(FIRST_PAUSE * 2 ** (number - 1), LONGEST_PAUSE)
            ended = redact.every(ended, self.secrets)
            failed = {"attempt": number, "exit_code": ended["exit_code"], "first_failure": ended["first_failure"]}
            words = "attempt {} of {} failed: {}; the next one in {:.0f} s"
            words = words.format(number, attempts, ended["first_failure"], pause)
            self.journal.append("attempt_failed", words, level="warning", **failed)
            known = [*self.record.get("failures", ()), failed]
            self.note(reason=words, failures=known[-jobdir.MOST_FAILURES :])
            until = time.monotonic() + pause
            while time.monotonic() < until:
                time.sleep(TICK)
                self._wait_tick()
            number += 1

    def _attempt(self, number: int) -> Outcome:
        resumed = number > 1 and self.spec.get("resume")
        argv: List[str] = self.spec["resume"] if resumed else self.spec["argv"]
        since = {name: log.size for name, log in self.logs.items()}
        kills = process.memory_kills()
        self._start(number, argv)
        self._follow()
        command = self._running()
        command.sweep()
        ended = outcome.of_command(self.folder, self.spec, argv, command.code, self.logs, since)
        if self.cancelled is not None and command.rung:
            sent = "cancelled; {} was sent".format(LADDER[command.rung - 1].name)
            return dict(ended, status="cancelled", first_failure=None, reason=outcome.unwritten(self.logs) or sent)
        if self.stopped is not None:
            return dict(ended, status="failed", first_failure=self.stalled, reason="it stalled, and was stopped")
        if command.code and process.memory_kills() > kills:
            ended["reason"] = ended["reason"] or "the kernel killed a process for want of memory"
        return ended

    def _start(self, number: int, argv: List[str]) -> None:
        self.ticked = 0.0
        self._wait_tick()
        assert self.guard is not None
        command = Command(self.spec["id"], self.selector, self.journal, self.guard.pid)
        order = dict(self.order, spec=dict(self.spec, argv=argv), attempt=number)
        pid = command.start(self.folder, order, self.held)
        self.guard.watch(pid)
        command.carry_into(self.logs, self.progress, self.secrets)
        self.command, self.stalled, self.stopped = command, None, None
        asked = self.spec.get("stall")
        self.watch = stall.watch(asked, time.monotonic()) if asked else None
        slots = sorted(self.held) or None
        changes = {"status": "running", "reason": None, "command": process.identity(pid), "gpus": slots}
        self.note(started=self.record.get("started") or now(), attempt=number, **changes)
        self.journal.append("started", "the command was started", pid=pid, gpus=slots, attempt=number)

    def _running(self) -> Command:
        assert self.command is not None
        return self.command

    def _follow(self) -> None:
        """Carry output until the command has ended and its pipes are closed, or stay open too long."""
        ended = None
        command = self._running()
        while True:
            flowing = command.carry(TICK)
            self._tick()
            if command.code is None:
                continue
            ended = ended or time.monotonic()
            if not flowing or time.monotonic() - ended > AFTER_END:
                return

    def _tick(self) -> bool:
        """A few times a second: reap, beat, look for a cancel or a stall and climb; return whether it was time."""
        clock = time.monotonic()
        command = self.command
        if command and command.code is None:
            command.reap()
        if clock - self.ticked < TICK:
            return False
        self.ticked = clock
        if clock - self.beaten > BEAT:
            self.beaten = clock
            _touch(os.path.join(self.folder, "heartbeat"))
        if self.cancelled is None:
            self._look_for_cancel(clock)
        self.progress.tell(clock)
        if command and command.code is None:
            self._look_for_stall(command, clock)
            since = self.stopped if self.cancelled is None else self.cancelled
            if since is not None:
                command.climb(clock - since, self.grace)
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

    def _look_for_stall(self, command: Command, clock: float) -> None:
        """Say once that the command stalls, and once that it goes on; stop it where that is wanted."""
        if self.watch is None or self.stopped is not None:
            return
        silent = self.watch.look(clock, command.touched)
        if silent and not self.stalled:
            doing = busy.described(command.members(), bool(self.held))
            words = "nothing was written for {:.0f} s{}; {}".format(silent, self.watch.pace(), doing)
            self.stalled = "stalled: " + words
            self.journal.append("stalled", words, level="warning", silent=silent, step=self.watch.step)
            self.note(reason=self.stalled)
            self.stopped = clock if self.spec["stall"]["stop"] else None
        elif self.stalled and not silent:
            self.stalled = None
            self.journal.append("went_on", "it writes again")
            self.note(reason=None)

    def _end(self, ended: Outcome) -> None:
        ended = redact.every(ended, self.secrets)
        if self.turn:
            self.turn.leave()
        gpus.release(self.held)
        if self.guard:
            self.guard.dismiss()
        self.progress.finish()
        status = ended["status"]
        level = {"succeeded": "info", "cancelled": "warning"}.get(status, "error")
        words = ended.get("first_failure") or ended.get("reason") or "the job {}".format(status)
        shown = {key: ended.get(key) for key in ("status", "exit_code", "first_failure", "reason")}
        self.journal.finish(words, level=level, attempt=self.record.get("attempt"), **shown)
        self.note(finished=now(), **ended)
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.folder, ".status.json.next"))


def _touch(path: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = jobdir.open_regular(path, os.O_WRONLY | os.O_CREAT)
        os.utime(descriptor)
        os.close(descriptor)
