"""What lies in a run's folder: names, sizes, times, and what small files say of themselves."""

from __future__ import annotations

import json
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dgops.training.values import Written

if TYPE_CHECKING:
    from pathlib import Path

# A LoRA's head is tens of kilobytes; kohya's trainers write word counts of the whole set into it.
LARGEST_HEAD, LARGEST_JSON = 64 << 20, 1 << 20
HIDDEN = "."


def scan(folder: Path) -> Written:
    """Look at every file below a folder; hidden ones are half written, and no link is followed."""
    files: dict[str, tuple[int, float]] = {}
    notes: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(HIDDEN) for part in name.split("/")) or path.is_symlink() or not path.is_file():
            continue
        try:
            stat = path.stat()
            said = _said(path, stat.st_size, stat.st_mtime_ns)
        except OSError:
            # Removed while it was looked at: trainers keep the newest few.
            continue
        files[name] = (stat.st_size, stat.st_mtime)
        if said is not None:
            notes[name] = said
    return Written(files, notes)


@lru_cache(maxsize=10_000)
def _said(path: Path, size: int, _changed: int) -> dict[str, Any] | None:
    """Return what a file says of itself; it is read once, and again when it has changed."""
    if path.suffix == ".safetensors":
        return metadata(path)
    if path.suffix != ".json" or size > LARGEST_JSON:
        return None
    try:
        found = json.loads(path.read_text())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def metadata(path: Path) -> dict[str, str] | None:
    """Return what a .safetensors file says in its head, None where it has none or is not whole."""
    with path.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else LARGEST_HEAD + 1
        if length > LARGEST_HEAD:
            return None
        try:
            head = json.loads(stream.read(length))
            end = max([one["data_offsets"][1] for name, one in head.items() if name != "__metadata__"], default=0)
        except (ValueError, RecursionError, AttributeError, KeyError, TypeError, IndexError):
            return None
        said = head.get("__metadata__", {})
        whole = stream.seek(0, 2) == 8 + length + end
    return said if whole and isinstance(said, dict) else None
