"""Wait until something in mapped folders changes and the burst of it is over."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from typing import Any, Dict, List, Optional, Set

from dgops.agent import beneath, mounts
from dgops.agent.inotify import Inotify, Unwatchable
from dgops.agent.scan import DEEPEST, GIT, OWN

LONGEST_WAIT = 60.0
# A file that is written without end must not hold back the edits beside it.
LONGEST_BURST = 5.0
# What the kernel does not tell of: another machine's writes, and Windows'.
SLOW = {"9p", "drvfs", "v9fs", "virtiofs", "vboxsf"}
SLOW_PAUSE = 5.0


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Wait for changes in mapped folders.

    The request holds `maps` (each `name` and absolute `path`), `prune` (names of folders that are not looked into),
    `since` (name → state that an earlier answer gave; nothing for one that was never seen), `wait` and `quiet` in
    seconds. The answer holds `changed` (names), `state` (name → state now) and `slow` (names that are looked at from
    time to time, since no kernel tells of them).
    """
    watch = Watch(request)
    try:
        return watch.run()
    finally:
        watch.close()


class Watch:
    """Several folders watched for one answer."""

    def __init__(self, request: Dict[str, Any]) -> None:
        self.paths: Dict[str, str] = {one["name"]: one["path"] for one in request["maps"]}
        self.prune: Set[str] = set(request.get("prune", ()))
        self.since: Dict[str, str] = dict(request.get("since") or {})
        self.quiet = float(request["quiet"])
        self.until = time.monotonic() + min(float(request["wait"]), LONGEST_WAIT)
        self.queue: Optional[Inotify] = None
        self.slow: List[str] = []
        with contextlib.suppress(Unwatchable):
            self.queue = Inotify()
        for name, path in self.paths.items():
            kind = mounts.filesystem(path)
            if self.queue is None or kind in SLOW or mounts.is_network(kind):
                self.slow.append(name)

    def close(self) -> None:
        """Give back what the kernel lent."""
        if self.queue:
            self.queue.close()

    def run(self) -> Dict[str, Any]:
        """Return at the deadline, or when a burst of changes is over."""
        state = self._look()
        known = {**state, **self.since}
        while state == known and time.monotonic() < self.until:
            left = self.until - time.monotonic()
            if self._told(min(left, SLOW_PAUSE) if self.slow else left) or self.slow:
                state = self._look()
        if state != known:
            state = self._settled(state)
        changed = sorted(name for name in self.paths if state[name] != known[name])
        return {"changed": changed, "state": state, "slow": sorted(self.slow)}

    def _settled(self, state: Dict[str, str]) -> Dict[str, str]:
        """Return the state after the burst: when nothing happened for the quiet time, or it lasts too long."""
        end = time.monotonic() + LONGEST_BURST
        while time.monotonic() < end:
            # Where no kernel tells, the quiet time is waited, and whatever comes later is the next burst.
            if not self._told(self.quiet):
                break
        return self._look()

    def _told(self, seconds: float) -> bool:
        if self.queue:
            return self.queue.wait(seconds)
        time.sleep(max(0.0, seconds))
        return False

    def _look(self) -> Dict[str, str]:
        return {name: self._state(name, path) for name, path in self.paths.items()}

    def _state(self, name: str, path: str) -> str:
        """Return a digest of what lies below a folder by its status alone, and watch every folder on the way."""
        total = hashlib.sha256()
        try:
            folder = beneath.open_folder(path)
        except (OSError, beneath.Refused):
            # Its parent is not watched: looked at from time to time until it is there.
            if name not in self.slow:
                self.slow.append(name)
            return "absent"
        try:
            self._walk(name, folder, 0, total)
        finally:
            os.close(folder)
        return total.hexdigest()

    def _walk(self, name: str, folder: int, depth: int, total: Any) -> None:
        # Watched before it is read: what comes in between is told twice rather than not at all.
        if self.queue and name not in self.slow:
            try:
                self.queue.watch(folder)
            except Unwatchable:
                self.slow.append(name)
        for entry in sorted(os.listdir(folder)):
            if entry == GIT or OWN.fullmatch(entry) or entry in self.prune:
                continue
            with contextlib.suppress(OSError, beneath.Refused):
                found = os.stat(entry, dir_fd=folder, follow_symlinks=False)
                row = (entry, stat.S_IFMT(found.st_mode))
                if stat.S_ISDIR(found.st_mode):
                    total.update(repr(row).encode(errors="replace"))
                    if depth < DEEPEST:
                        self._below(name, folder, entry, depth, total)
                else:
                    total.update(repr((*row, found.st_mode, *beneath.signature(found))).encode(errors="replace"))

    def _below(self, name: str, folder: int, entry: str, depth: int, total: Any) -> None:
        below = beneath.open_below(folder, (entry,))
        try:
            self._walk(name, below, depth + 1, total)
        finally:
            os.close(below)
            total.update(b"/")
