"""The files of the log: `latest/` is written to, `archive/<time>/` holds what was before; kept for 30 days."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import os
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "dgops.jsonl"
LARGEST = 20 << 20
STAMP = "%Y-%m-%dT%H-%M-%SZ"
DAY = 86400.0
KEPT, PLAIN = 30 * DAY, 7 * DAY


def open_latest(folder: Path) -> int:
    """Return a descriptor that lines are appended to; what is of another day, or too large, is put away first.

    Raises OSError where the folder cannot be written.
    """
    latest = folder / "latest"
    latest.mkdir(parents=True, exist_ok=True)
    path = latest / NAME
    if _is_over(path):
        _rotate(folder)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, 0o600)


def files(folder: Path) -> Iterator[Path]:
    """Yield every file of the log, the oldest first."""
    archive = folder / "archive"
    for place in sorted(archive.iterdir()) if archive.is_dir() else ():
        yield from (path for path in (place / NAME, place / f"{NAME}.gz") if path.exists())
    if (folder / "latest" / NAME).exists():
        yield folder / "latest" / NAME


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file of the log; of a damaged one, what can be read."""
    # Both take the same; which is the file's own business.
    opener = gzip.open if path.suffix == ".gz" else open
    with contextlib.suppress(OSError, EOFError), opener(path, "rt", errors="replace") as stream:
        yield from stream


def _is_over(path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    day = time.strftime("%Y-%m-%d", time.gmtime(found.st_mtime))
    return found.st_size > LARGEST or day != time.strftime("%Y-%m-%d", time.gmtime())


def _rotate(folder: Path) -> None:
    """Put the latest file away, compress what is a week old, remove what is a month old; one process does it."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path = folder / "latest" / NAME
        if _is_over(path):
            place = folder / "archive" / time.strftime(STAMP, time.gmtime(path.stat().st_mtime))
            while place.exists():
                place = place.with_name(f"{place.name}+")
            place.mkdir(parents=True)
            path.rename(place / NAME)
        for place in sorted((folder / "archive").iterdir()):
            _age(place)
    except BlockingIOError:
        # Another one is at it; a line in a file that is put away is in the log all the same.
        return
    finally:
        os.close(lock)


def _age(place: Path) -> None:
    path = place / NAME
    age = time.time() - max((one.stat().st_mtime for one in place.iterdir()), default=0.0)
    if age > KEPT:
        shutil.rmtree(place)
    elif age > PLAIN and path.exists():
        before = path.stat()
        packed = path.with_name(f"{NAME}.gz")
        part = packed.with_suffix(".part")
        with path.open("rb") as source, gzip.open(part, "wb") as target:
            shutil.copyfileobj(source, target)
        # Its age is that of what is in it.
        os.utime(part, ns=(before.st_atime_ns, before.st_mtime_ns))
        part.rename(packed)
        path.unlink()
