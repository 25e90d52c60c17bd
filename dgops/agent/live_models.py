"""Model files: there, of the right size, of the right content; gigabytes are read once and remembered."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from typing import Any, Dict, List, Optional

Observation = Dict[str, Any]
# Read at every look; more is read only in a deep one.
SMALL = 64 << 20
BLOCK = 4 << 20
MEMORY = ".dgops-digests.json"
_LOCK = threading.Lock()


def model(check: Dict[str, Any]) -> Observation:
    """Observe a file's size, and its sha256 where one is wanted: known, small enough to read now, or else none.

    A digest is remembered with what would change if the file did (size, time, inode): in the file's folder, which
    lies on the volume that a restarted pod keeps, else in the home of who looks.
    """
    path = check["path"]
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"exists": False}
    seen: Observation = {"exists": True, "size": status.st_size}
    other_size = "size" in check and int(check["size"]) != status.st_size
    if "sha256" not in check or other_size:
        return seen
    return dict(seen, sha256=_digest(path, status, bool(check.get("deep"))))


def _digest(path: str, status: os.stat_result, deep: bool) -> Optional[str]:
    identity = [status.st_size, status.st_mtime_ns, status.st_ino]
    if status.st_size < SMALL:
        return _read(path)
    memories = [os.path.join(os.path.dirname(path), MEMORY), os.path.expanduser("~/.cache/dgops/model-digests.json")]
    if deep:
        digest = _read(path)
        _remember(memories, path, [*identity, digest])
        return digest
    for known in (_remembered(memory).get(path) for memory in memories):
        if isinstance(known, list) and known[:-1] == identity and isinstance(known[-1], str):
            return known[-1]
    return None


def _read(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def _remembered(memory: str) -> Dict[str, Any]:
    try:
        with open(memory) as stream:
            found = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(memories: List[str], path: str, entry: List[Any]) -> None:
    """Write an entry down in the first memory that may be written; without any, the next look knows nothing."""
    # Models are read at once, and each writes the whole file.
    with _LOCK:
        for memory in memories:
            known = dict(_remembered(memory), **{path: entry})
            temporary = "{}.{}".format(memory, os.getpid())
            try:
                os.makedirs(os.path.dirname(memory), exist_ok=True)
                with open(temporary, "w") as stream:
                    json.dump(known, stream)
                os.replace(temporary, memory)
                return
            except OSError:
                continue
