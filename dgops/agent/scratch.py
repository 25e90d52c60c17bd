"""Folders and files that are gone afterwards; what a killed run left of them is told from what another still uses."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from contextlib import contextmanager
from typing import Iterator, List

from dgops.agent import process

PREFIX = ".dgops-scratch-"
# Of another machine, or of this one before its restart: nobody can say who still uses it.
STALE_SECONDS = 3600
NAMED = re.compile(re.escape(PREFIX) + r"([0-9a-f]{8})-(\d+)-(\d+)-.*")


@contextmanager
def scratch(parent: str) -> Iterator[str]:
    """Give a folder on the file system of parent that is gone afterwards; what a killed run left of one goes too."""
    sweep(parent)
    with tempfile.TemporaryDirectory(prefix=prefix(), dir=parent) as folder:
        yield folder


def prefix() -> str:
    """Return how the scratch folders of this process are named."""
    start = process.identity(os.getpid())["start"]
    return "{}{}-{}-{}-".format(PREFIX, _machine(), os.getpid(), start)


def sweep(parent: str) -> List[str]:
    """Remove what killed runs left in a folder and return its names."""
    found = stale(parent)
    for name in found:
        path = os.path.join(parent, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
    return found


def stale(parent: str) -> List[str]:
    """Return the names of scratch folders whose process is gone, or that nobody wrote to for long."""
    machine = _machine()
    names = sorted(name for name in os.listdir(parent) if name.startswith(PREFIX))
    return [name for name in names if _left(parent, name, machine)]


def _left(parent: str, name: str, machine: str) -> bool:
    match = NAMED.fullmatch(name)
    if match and match.group(1) == machine:
        seen = process.look(int(match.group(2)))
        return seen is None or seen.start != int(match.group(3))
    return _newest(os.path.join(parent, name)) < time.time() - STALE_SECONDS


def _newest(top: str) -> float:
    """Return when anything in a folder was last written; a long download touches only the file that it writes."""
    times = []
    for folder, _, names in os.walk(top):
        times += [os.path.join(folder, name) for name in names] + [folder]
    newest = 0.0
    for path in times or [top]:
        try:
            newest = max(newest, os.lstat(path).st_mtime)
        except FileNotFoundError:
            # Whoever owns it is at work on it.
            return time.time()
    return newest


def _machine() -> str:
    return hashlib.sha256(repr(sorted(process.boot().items())).encode()).hexdigest()[:8]
