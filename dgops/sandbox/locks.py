"""Locks that a killed holder frees, on files that the holder may remove."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dgops.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def hold(path: Path, timeout: float, report: Callable[[str], None] | None = None) -> Iterator[int]:
    """Hold an exclusive lock on path; yields its descriptor. Raises BusyError after timeout seconds."""
    descriptor = _acquire(path, time.monotonic() + timeout, report)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Tell whether somebody holds the lock on path now."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def is_current(descriptor: int, path: Path) -> bool:
    """Tell whether the locked file still has its name: a holder that ends its sandbox removes it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _acquire(path: Path, deadline: float, report: Callable[[str], None] | None) -> int:
    while True:
        descriptor = _open(path)
        if _try_lock(descriptor):
            if is_current(descriptor, path):
                return descriptor
            os.close(descriptor)
            continue
        os.close(descriptor)
        if report:
            report("another sandbox command is at work here; waiting for it")
            report = None
        if time.monotonic() >= deadline:
            raise BusyError(f"another command has held {path} for too long", "wait for it, or end it, then again")
        time.sleep(0.1)


def _open(path: Path) -> int:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:  # the last holder took the folder away in between
            continue


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
