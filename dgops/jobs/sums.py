"""Digests of files here, taken once: believed as git's index is, while nothing of a file's status has moved since."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

from dgops.agent.manifest import stamp_of
from dgops.files import digest_file, write_atomic

if TYPE_CHECKING:
    import os
    from pathlib import Path

# The clock of FAT ticks so slowly: what changed within a tick of a look may change in it again, and nothing tells.
TICK = 2_000_000_000


class Sums:
    """The digests of files by their names, in a file of their own; with `forget` those that nobody asks for go."""

    def __init__(self, path: Path, *, forget: bool) -> None:
        self._path = path
        self._known = _read(path)
        self._rows: dict[str, list[object]] = {} if forget else dict(self._known)

    def of(self, name: str, path: Path, status: os.stat_result) -> str:
        """Return a file's sha256; it is read unless `status` is what it was when it was read before."""
        stamp = list(stamp_of(status))
        known = self._known.get(name)
        if known and known[1:] == stamp:
            self._rows[name] = known
            return str(known[0])
        now = time.time_ns()
        found = digest_file(path)
        if status.st_ctime_ns + TICK < now and list(stamp_of(path.stat())) == stamp:
            self._rows[name] = [found, *stamp]
        return found

    def keep(self) -> None:
        """Write down what was learnt; where that cannot be, files are read again the next time."""
        if self._rows != self._known:
            with contextlib.suppress(OSError):
                write_atomic(self._path, json.dumps(self._rows), 0o600)


def _read(path: Path) -> dict[str, list[object]]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    good = isinstance(found, dict) and all(isinstance(row, list) and len(row) > 1 for row in found.values())
    return found if good else {}
