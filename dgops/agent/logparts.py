"""A log and its pieces as one: read from any offset on, or from its end."""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import List, Tuple

READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

Part = Tuple[int, str]


def parts(path: str) -> List[Part]:
    """Return where each part of a log begins, and its path, in order; the first is the log's own."""
    folder, name = os.path.split(path)
    pattern = re.compile(re.escape(name) + r"\.(\d{1,18})\Z")
    found = filter(None, map(pattern.match, os.listdir(folder)))
    return [(0, path), *sorted((int(one.group(1)), os.path.join(folder, one.group(0))) for one in found)]


def read(path: str, offset: int, limit: int) -> Tuple[int, bytes, bool, bool]:
    """Return the offset of the next bytes there are, the bytes, whether they end their part, and if it is the newest.

    The offset is another than the one asked for where what lay there is no longer kept.
    """
    # Listed before anything is read: no part is written to once the next one has its name.
    there = parts(path)
    first = max(number for number, (begin, _) in enumerate(there) if begin <= max(0, offset))
    for number in range(first, len(there)):
        begin, name = there[number]
        at = max(offset, begin)
        data, whole = _piece(name, at - begin, limit)
        if data:
            return at, data, whole, number == len(there) - 1
    return offset, b"", True, True


def tail(path: str, most: int, since: int = 0) -> bytes:
    """Return the last bytes of a log, `most` at most, and none that lie before the offset `since`."""
    gathered = b""
    for begin, name in reversed(parts(path)):
        try:
            size = os.stat(name, follow_symlinks=False).st_size
        except OSError:
            continue
        at = max(since - begin, size - (most - len(gathered)), 0)
        gathered = _piece(name, at, most)[0] + gathered
        if len(gathered) >= most or begin <= since:
            break
    return gathered


def _piece(path: str, at: int, limit: int) -> Tuple[bytes, bool]:
    """Return bytes of one part, and whether nothing follows there; no file has none."""
    try:
        descriptor = os.open(path, READ)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
            raise
        return b"", True
    with open(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b"", True
        stream.seek(at)
        data = stream.read(limit)
        return data, at + len(data) >= os.fstat(descriptor).st_size
