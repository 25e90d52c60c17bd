"""One archive of wheels per lock, for volumes where many files cost more than one: the same wheels, the same bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import threading
from contextlib import contextmanager
from typing import IO, Any, Dict, FrozenSet, Generator, Iterator, List, Optional, Tuple

from dgops.agent import wheel_notes
from dgops.agent.scratch import scratch
from dgops.agent.wheels import FULL, place, require_free, stop

NAMED = re.compile(r"(.+)-([0-9a-f]{16})\.tar\.zst")
SECONDS = 1800
CHUNK = 1 << 20
# Wheels are deflated already. Any number of threads gives the same bytes, but none at all gives others.
COMPRESS = ["-q", "-1", "-T0", "-c"]


class Damaged(Exception):  # noqa: N818
    """An archive that is truncated, altered, or no archive."""


def name_of(lock: str, text: str) -> str:
    """Return the file name of a lock's archive."""
    return "{}-{}.tar.zst".format(lock, wheel_notes.text_digest(text)[:16])


def pack(paths: Dict[str, str], archive: str) -> Tuple[str, int]:
    """Write wheels (path → sha256 in hex) as one archive; returns the archive's own sha256 and size.

    It is written under a temporary name in its folder and renamed. Ends with a message where a
    wheel is not what its digest says, or the disk is full.
    """
    folder, name = os.path.split(archive)
    require_free(folder, sum(os.path.getsize(path) for path in paths))
    with scratch(folder) as temporary:
        target = os.path.join(temporary, name)
        with open(target, "wb") as stream, _zstd(COMPRESS, stdin=subprocess.PIPE, stdout=stream) as child:
            try:
                _write_tar(paths, _pipe(child.stdin))
                _pipe(child.stdin).close()
                words = _ended(child)
            except BrokenPipeError:
                words = _ended(child) or "zstd ended early"
        if words:
            stop("{}: {}".format(FULL if FULL in words else words, archive))
        with open(target, "rb") as written:
            total = _hash(written)
        size = os.path.getsize(target)
        place(target, folder)
    return total, size


def _write_tar(paths: Dict[str, str], stream: IO[bytes]) -> None:
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT, bufsize=CHUNK) as tar:
        for path in sorted(paths, key=os.path.basename):
            member = tarfile.TarInfo(os.path.basename(path))
            member.size, member.mode = os.path.getsize(path), 0o644
            with open(path, "rb") as wheel:
                counted = Counted(wheel)
                tar.addfile(member, counted)
            if counted.total.hexdigest() != paths[path]:
                stop("{} is not what it was when it was proven; nothing was packed".format(path))


class Counted:
    """A stream that is hashed while it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.total = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read and hash."""
        data = self.stream.read(size)
        self.total.update(data)
        return data


def unpack(archive: str, hashes: FrozenSet[str], folder: str) -> List[str]:
    """Put those wheels of an archive into a folder that have one of the hashes (`sha256:…`); returns their names.

    Raises Damaged where the archive is not whole; what was whole before the damage is kept.
    """
    names = []
    # Closed whatever happens: a zstd would be left behind.
    with scratch(folder) as temporary, contextlib.closing(members(archive)) as found:
        for member, stream in found:
            path = os.path.join(temporary, member.name)
            require_free(folder, member.size)
            with open(path, "wb") as target:
                counted = Counted(stream)
                shutil.copyfileobj(counted, target, CHUNK)
            if "sha256:" + counted.total.hexdigest() in hashes:
                names.append(os.path.basename(place(path, folder)))
            else:
                os.unlink(path)
    return sorted(names)


def digests(archive: str) -> Dict[str, str]:
    """Return the wheels of an archive with their sha256 in hex; raises Damaged where it is not whole."""
    with contextlib.closing(members(archive)) as found:
        return {member.name: _hash(stream) for member, stream in found}


def members(archive: str) -> Generator[Tuple[tarfile.TarInfo, IO[bytes]], None, None]:
    """Yield the wheels of an archive, plain files with plain names only; raises Damaged where it is not whole."""
    with open(archive, "rb") as source, _zstd(["-d", "-q", "-c"], stdin=source, stdout=subprocess.PIPE) as child:
        try:
            with tarfile.open(fileobj=_pipe(child.stdout), mode="r|", bufsize=CHUNK) as tar:
                for member in tar:
                    stream = tar.extractfile(member) if member.isreg() else None
                    if stream is None or not wheel_notes.plain(member.name) or not member.name.endswith(".whl"):
                        raise Damaged("{} holds {!r}, which is no wheel".format(archive, member.name))
                    yield member, stream
            # The end of the tar is not the end of what zstd proves by its checksum.
            while _pipe(child.stdout).read(CHUNK):
                pass
        except (tarfile.TarError, EOFError) as error:
            raise Damaged("{}: {}".format(archive, _ended(child) or error)) from None
        words = _ended(child)
        if words:
            raise Damaged("{}: {}".format(archive, words))


@contextmanager
def _zstd(options: List[str], stdin: Any, stdout: Any) -> "Iterator[subprocess.Popen[bytes]]":
    """Start zstd, and end it with the block: a volume that hangs must not hold us for ever."""
    program = shutil.which("zstd") or stop("no zstd to pack with: install zstd on the host")
    child = subprocess.Popen([program, *options], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
    clock = threading.Timer(SECONDS, child.kill)
    clock.daemon = True
    clock.start()
    try:
        yield child
    finally:
        clock.cancel()
        child.kill()
        for stream in (child.stdin, child.stdout, child.stderr):
            with contextlib.suppress(OSError):
                if stream:
                    stream.close()
        child.wait(timeout=SECONDS)


def _ended(child: "subprocess.Popen[bytes]") -> str:
    """Return what zstd complained of, nothing where it ended well."""
    words = child.stderr.read().decode(errors="replace").strip() if child.stderr and not child.stderr.closed else ""
    code = child.wait(timeout=SECONDS)
    return "" if code == 0 else words.splitlines()[-1] if words else "zstd ended with exit {}".format(code)


def _pipe(stream: Optional[IO[bytes]]) -> IO[bytes]:
    assert stream is not None
    return stream


def _hash(stream: IO[bytes]) -> str:
    total = hashlib.sha256()
    for chunk in iter(lambda: stream.read(CHUNK), b""):
        total.update(chunk)
    return total.hexdigest()
