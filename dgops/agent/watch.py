"""The keeper of a host's edits while nobody is connected: a process that spools what was not synced yet."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from typing import Any, Dict

from dgops.agent import beneath, process, spool

# No edit is older than this when it is spooled; what the looks cost decides how often there is one.
LONGEST, SHORTEST = 30.0, 10.0
# Of one core.
SHARE = 0.01
PATIENCE = 5.0


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Answer one request: op start, list or drop.

    start: the keeper runs afterwards, where there is anything to keep → `running`.
    list: `root`, the persistent root → `spools`. drop: `root` and `ids` of spools whose edits are home.
    """
    if request["op"] == "start":
        return {"running": ensure()}
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
    if not spool.known():
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
        if os.fork() == 0:
            _loosen(lock)
            _note(lock)
            keep()
    finally:
        os._exit(0)


def keep() -> None:
    """Spool for as long as there is anything to keep."""
    while True:
        began = time.monotonic()
        kept = spool.known()
        if not kept:
            return
        for one in kept:
            # A full disk, a folder that is gone: the next round may do better.
            with contextlib.suppress(OSError, beneath.Refused, KeyError, TypeError, ValueError):
                spool.save(one)
        cost = time.monotonic() - began
        time.sleep(max(1.0, min(LONGEST - cost, max(SHORTEST, cost / SHARE))))


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
    process.untie(lock, 0o077)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(10)
