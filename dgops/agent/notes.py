"""Notes of the keeper for everybody on the host: files that any user may read, gone with the run of the host."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Dict, Iterable, Optional

FOLDER = "/run/dgops"
# A word for each turn of events, of which there are few; what changes all the time for weeks must fill no disk.
# The log before the last is kept beside it.
MOST_LOG = 1 << 20


def write(name: str, content: str) -> None:
    """Write a note, whole or not at all; raises OSError where the disk takes nothing."""
    path = os.path.join(_folder(), name)
    part = path + ".new"
    try:
        with open(part, "w") as stream:
            stream.write(content)
        os.chmod(part, 0o644)
        os.replace(part, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)


def record(name: str) -> Optional[Dict[str, Any]]:
    """Return the JSON object in a note, None where there is none."""
    try:
        with open(os.path.join(FOLDER, name)) as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def append(name: str, lines: Iterable[str]) -> None:
    """Append lines to a log, each with the time; one that is full makes room for a new one."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    path = os.path.join(_folder(), name)
    with contextlib.suppress(FileNotFoundError):
        if os.stat(path).st_size >= MOST_LOG:
            os.replace(path, path + ".1")
    with open(path, "a") as stream:
        os.chmod(path, 0o644)
        stream.write("".join("{} {}\n".format(now, line) for line in lines))


def remove(*names: str) -> None:
    """Take notes away that are there."""
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(FOLDER, name))


def _folder() -> str:
    os.makedirs(FOLDER, exist_ok=True)
    # The keeper's own mask would keep everybody else out.
    os.chmod(FOLDER, 0o755)
    return FOLDER
