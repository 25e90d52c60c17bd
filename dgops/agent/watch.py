"""The keeper while nobody is connected: it spools what was not synced, keeps a pod within its limits, and looks."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from typing import Any, Dict, List, Optional

from dgops.agent import aside, beneath, health_watch, look, process, scan, spend_guard, spend_meter, spool

# No edit is older than this when it is spooled; what the looks cost decides how often there is one.
LONGEST, SHORTEST = 30.0, 10.0
# Of one core.
SHARE = 0.01
PATIENCE = 5.0
# A round that takes longer hangs.
ROUND, LAST_ROUND = 300.0, 120.0
# What disks, other programs and our own mistakes may do to a round.
TROUBLES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    beneath.Refused,
)


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Answer one request: op start, list or drop.

    start: the keeper runs afterwards, where there is anything to keep → `running`, and `spend`, its last verdict on
    what the pod may cost, null where there is none, and `stopped`, why the run before this one stopped itself.
    list: `root`, the persistent root → `spools`. drop: `root` and `ids` of spools whose edits are home.
    """
    if request["op"] == "start":
        # Before the keeper of this run writes over it.
        stopped = aside.Aside().run(_stopped, PATIENCE)
        return {"running": ensure(), "spend": spend_guard.noted(), "stopped": (stopped or {}).get("stopped")}
    if request["op"] == "list":
        return {"spools": spool.listed(request["root"])}
    try:
        for number in request["ids"]:
            spool.drop(request["root"], number)
    except beneath.Refused as error:
        return {"refused": str(error)}
    return {}


def ensure() -> bool:
    """Start the keeper unless it runs or there is nothing to keep; one of another agent makes room."""
    if health_watch.interval() is None:
        # A keeper that was killed could not.
        health_watch.forget()
        if not spool.known() and spend_guard.of_this_pod() is None:
            return False
    lock = _lock()
    if lock is None:
        return True
    child = os.fork()
    if child:
        os.close(lock)
        os.waitpid(child, 0)
        return True
    try:
        os.setsid()
        keeper = os.fork()
        if keeper:
            health_watch.greet(keeper)
        else:
            _loosen(lock)
            _note(lock)
            keep()
    finally:
        os._exit(0)


def keep() -> None:
    """Spool for as long as there is anything to keep, the pod has limits, or the host is to be looked at."""
    guard, beside, root = spend_guard.of_this_pod(), aside.Aside(), ""
    looks = health_watch.Watch()
    while guard or spool.known() or health_watch.interval() is not None:
        began = time.monotonic()
        due = began + SHORTEST
        with contextlib.suppress(*TROUBLES):
            looks.turn()
        try:
            done = beside.run(lambda: _round(guard), ROUND)
            over = time.monotonic()
            due = over + _pause(over - began)
            if guard:
                if done:
                    root, guard.earlier = done["root"], done["earlier"]
                soon = guard.look(root, lambda reason: _last(beside, guard, reason))
                due = min(due, time.monotonic() + soon)
        except TROUBLES as error:
            # Without the keeper nobody keeps anything any more.
            if guard:
                guard.broke(error)
        # What the guard took counts: an edit does not wait for it.
        time.sleep(max(1.0, due - time.monotonic()))
    looks.end()


def _pause(cost: float) -> float:
    """Return how long to wait: the next round, which costs as much, is over before an edit of now is too old."""
    return min(LONGEST - 2 * cost, max(SHORTEST, cost / SHARE))


def _round(guard: Optional[spend_guard.Guard], reason: str = "") -> Dict[str, Any]:
    """Spool every edit and write down how far the pod is; with a reason it is the last time before a stop.

    Returns the persistent root, the seconds of earlier runs, and what could not be done.
    """
    troubles: List[str] = []
    for one in spool.known():
        # A full disk, a folder that is gone: the next round may do better.
        try:
            # The volume's last megabytes are for this.
            spool.save(one, 0 if reason else None)
            left = spool.left(one) if reason else 0
            troubles += ["{}: no room for {} edits".format(one["name"], left)] if left else []
        except (OSError, beneath.Refused, KeyError, TypeError, ValueError) as error:
            troubles.append("{}: {}".format(one.get("name"), getattr(error, "strerror", None) or error))
    root, earlier = _persistent(), 0.0
    if guard and root:
        record = guard.record(spend_meter.load(root, guard.pod), reason)
        earlier = record["earlier"]
        with contextlib.suppress(OSError, beneath.Refused):
            spend_meter.save(root, guard.pod, record)
    return {"root": root, "earlier": earlier, "troubles": troubles}


def _last(beside: aside.Aside, guard: Optional[spend_guard.Guard], reason: str) -> List[str]:
    done = beside.run(lambda: _round(guard, reason), LAST_ROUND)
    return ["the volume does not answer"] if done is None else list(done["troubles"])


def _stopped() -> Dict[str, Any]:
    root = _persistent()
    record = (spend_meter.load(root, scan.pod_id()) if root else None) or {}
    told, last = record.get("stopped"), record.get("run")
    # The reason of an older run is of no interest once another one ended.
    return {"stopped": told if isinstance(told, dict) and told.get("run") == last != spend_meter.run() else None}


def _persistent() -> str:
    """Return the folder that outlives this container; one on the container's own disk does not."""
    root = look.volume() or ""
    with contextlib.suppress(OSError):
        return root if root and os.stat(root).st_dev != os.stat("/").st_dev else ""
    return ""


def _lock() -> "int | None":
    """Return the lock of the one keeper, None where another of the same agent holds it."""
    path = os.path.join(os.path.expanduser("~"), ".cache", "dgops", "watch.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    until = time.monotonic() + PATIENCE
    told = False
    while time.monotonic() < until:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        holder = _holder(descriptor)
        if holder.get("agent") == _agent():
            break
        if not told and isinstance(holder.get("pid"), int):
            # It holds the lock, so the number is still its own.
            with contextlib.suppress(ProcessLookupError):
                os.kill(holder["pid"], signal.SIGTERM)
            told = True
        time.sleep(0.05)
    os.close(descriptor)
    return None


def _holder(descriptor: int) -> Dict[str, Any]:
    try:
        record = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _note(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "agent": _agent()}).encode(), 0)


def _agent() -> str:
    return os.path.basename(sys.argv[0])


def _loosen(lock: int) -> None:
    """Cut every tie to the connection, and let others go first."""
    # It is handed to children, and was named by who began in the folder of a login.
    sys.argv[0] = os.path.abspath(sys.argv[0])
    process.untie(lock, 0o077)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(10)
