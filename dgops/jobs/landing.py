"""Where a file that comes home lands: below its output's folder, past no link, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, RemoteError
from dgops.files import digest_bytes, digest_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import FileIO
    from pathlib import Path

# Left free here when outputs come home.
SPARE = 64 << 20
CHUNK = 1 << 20
PART = re.compile(r"\.dgops-[0-9a-f]{24}\.part")
# A part that nobody wrote to for so long is of a version that will not come any more.
ABANDONED = 6 * 3600.0


@dataclass(frozen=True)
class Landing:
    """One place: the output's file or folder as a person named it, and the name below it ("" for the file itself)."""

    root: Path
    inner: str

    @property
    def path(self) -> Path:
        """The file's path."""
        return self.root / self.inner if self.inner else self.root

    def obstacle(self) -> str:
        """Return what is in the way: a link, or a folder where a file belongs; nothing where the way is free."""
        # The output's own folder may be a link: a person made it. Below it, nothing is followed.
        here = self.root
        parts = self.inner.split("/") if self.inner else []
        for part in parts:
            if here.exists() and not here.is_dir():
                return f"{here} is no folder"
            here = here / part
            if here.is_symlink():
                return f"{here} is a link"
        if not parts and here.is_symlink():
            return f"{here} is a link"
        return f"{here} is a folder" if here.is_dir() else ""

    def holds(self, sha256: str, size: int) -> bool:
        """Return whether this content is here already."""
        try:
            return self.path.stat().st_size == size and digest_file(self.path) == sha256
        except OSError:
            return False

    def begun(self, sha256: str, size: int) -> int:
        """Return how many bytes an earlier try left here, to go on behind them."""
        try:
            found = os.lstat(self._part(sha256)).st_size
        except OSError:
            return 0
        if 0 < found < size:
            return found
        self.give_up(sha256)
        return 0

    def write(self, offset: int, piece: bytes, sha256: str, size: int, executable: bool) -> bool:
        """Put a piece where it belongs; the last one makes the file. False where it is not what was promised."""
        part = self._part(sha256)
        part.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o755 if executable else 0o644
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.seek(offset)
            stream.write(piece)
            stream.truncate()
            stream.flush()
            if offset + len(piece) < size:
                return True
            os.fsync(stream.fileno())
        if digest_file(part) != sha256:
            return False
        os.replace(part, self.path)
        return True

    @contextlib.contextmanager
    def arriving(self, offset: int, sha256: str, size: int, executable: bool) -> Iterator[Arrival]:
        """Yield what takes the rest of a file piece by piece; what came stays begun, whatever ends it."""
        part = self._part(sha256)
        part.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o755 if executable else 0o644)
        with os.fdopen(descriptor, "r+b", buffering=0) as stream:
            yield Arrival(self.path, part, stream, offset, sha256, size)

    def give_up(self, sha256: str) -> None:
        """Take away what was begun."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._part(sha256))

    def _part(self, sha256: str) -> Path:
        # The same for the same file, so that a later pull finds it; short, whatever the name's length.
        return self.path.parent / f".dgops-{digest_bytes(f'{self.path.name}/{sha256}'.encode())[:24]}.part"


class Arrival:
    """One large file on its way: its pieces are hashed as they come, behind what an earlier try left here."""

    def __init__(self, path: Path, part: Path, stream: FileIO, offset: int, sha256: str, size: int) -> None:
        self.path, self.part, self.stream, self.sha256, self.size = path, part, stream, sha256, size
        self.done = 0
        self._sum = hashlib.sha256()
        while self.done < offset and (piece := stream.read(min(CHUNK, offset - self.done))):
            self._sum.update(piece)
            self.done += len(piece)
        stream.truncate(self.done)

    def take(self, piece: bytes) -> None:
        """Write the next piece; raises DgopsError where it is more than was promised."""
        if self.done + len(piece) > self.size:
            raise RemoteError(f"{self.path.name}: more than {self.size} bytes came", "nothing of it was kept")
        rest = memoryview(piece)
        while rest:
            # Unbuffered, and a disk that is nearly full takes a part without a word.
            rest = rest[self.stream.write(rest) :]
        self._sum.update(piece)
        self.done += len(piece)

    def finish(self) -> bool:
        """Make it the file; False where it is not what was promised."""
        if self.done != self.size or self._sum.hexdigest() != self.sha256:
            return False
        os.fsync(self.stream.fileno())
        os.replace(self.part, self.path)
        return True


def sweep(folder: Path) -> None:
    """Take away what was begun below a folder and abandoned since."""
    for place, _, names in os.walk(folder):
        for path in [os.path.join(place, name) for name in names if PART.fullmatch(name)]:
            with contextlib.suppress(OSError):
                if time.time() - os.lstat(path).st_mtime > ABANDONED:
                    os.unlink(path)


def unwritable(path: Path) -> str:
    """Return why nothing can be put at or below a path here, nothing where it can."""
    here = next(one for one in (path.absolute(), *path.absolute().parents) if os.path.lexists(one))
    if here != path.absolute() and not here.is_dir():
        return f"{here} is no folder"
    return "" if os.access(here if here.is_dir() else here.parent, os.W_OK) else f"{here} cannot be written"


def require_room(landings: Sequence[Landing], size: int) -> None:
    """Raise DgopsError where the disk here cannot hold so many bytes more."""
    if not landings:
        return
    folder = next(one for one in (landings[0].root, *landings[0].root.absolute().parents) if one.is_dir())
    free = shutil.disk_usage(folder).free
    if size + SPARE > free:
        raise DgopsError(
            f"the outputs are {size / 1e9:.3f} GB and {folder} has {free / 1e9:.3f} GB free, "
            f"of which {SPARE / 1e9:.3f} GB are left alone",
            "make room, then pull again",
        )
