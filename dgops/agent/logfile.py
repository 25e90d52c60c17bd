"""A log that cannot fill a disk: its head and its tail are kept, and an offset means the same byte for ever."""

from __future__ import annotations

import contextlib
import os
from typing import List, Optional

# A stream takes HEAD, and behind it the newest KEPT pieces: 64 MB at most.
HEAD, PIECE, KEPT = 32 << 20, 16 << 20, 2
# A piece ends with a line, unless none ends for so long.
OVERHANG = 1 << 17
# The command runs by now: what it may have put in a log's place must not make anybody wait.
WRITE = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Log:
    """One stream's log: `path` up to its head's size, then pieces named by the offset that they begin at."""

    def __init__(self, path: str, head: int = HEAD, piece: int = PIECE) -> None:
        self.path, self.piece, self.lost = path, piece, 0
        self.complaint: Optional[str] = None
        # A job that was lost and goes on has written already.
        offsets = _offsets(path)
        self.pieces: List[str] = ["{}.{}".format(path, offset) for offset in offsets]
        self.descriptor: Optional[int] = os.open(self.pieces[-1] if offsets else path, WRITE, 0o644)
        held = os.fstat(self.descriptor).st_size
        self.size = (offsets[-1] if offsets else 0) + held
        self.room = (piece if offsets else head) - held
        self.line_ended = True

    def write(self, data: bytes) -> None:
        """Append all of it; what the disk does not take is counted in `lost`, and why in `complaint`."""
        left = memoryview(data)
        while left:
            try:
                if self.descriptor is None or (self.room <= 0 and (self.line_ended or self.room < -OVERHANG)):
                    self._turn()
                written = os.write(self.descriptor or 0, left)
            except OSError as error:
                # The command goes on, its pipe must not fill up.
                self.lost += len(left)
                self.complaint = error.strerror
                return
            self.room -= written
            self.size += written
            self.line_ended = left[written - 1] == 10  # \n
            left = left[written:]

    def close(self) -> None:
        """Close it; a second time does nothing."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def _turn(self) -> None:
        """Go on in a new piece; the oldest goes first, which makes room for it."""
        self.close()
        while len(self.pieces) >= KEPT:
            with contextlib.suppress(OSError):
                os.unlink(self.pieces[0])
            del self.pieces[0]
        path = "{}.{}".format(self.path, self.size)
        self.descriptor = os.open(path, WRITE, 0o644)
        self.pieces.append(path)
        self.room, self.line_ended = self.piece, True


def _offsets(path: str) -> List[int]:
    folder, name = os.path.split(path)
    parts = [one.rpartition(".") for one in os.listdir(folder or ".")]
    return sorted(int(offset) for stem, _, offset in parts if stem == name and offset.isdigit())
