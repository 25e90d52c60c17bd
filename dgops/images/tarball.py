"""Trees from tars and tars from trees: owners, modes and capabilities kept, the same tree giving the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.files import digest_file
from dgops.sandbox.containers.engine import complaint

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 900
_BLOCK = 1 << 20
_LEVEL = 6
# Whatever else a file system of this machine keeps beside a file is nobody's business elsewhere.
_KEPT = "security.capability"


@dataclass(frozen=True)
class Packed:
    """A packed tree: digests of the file and of the tar inside, and the file's size."""

    sha256: str
    inner: str
    size: int


def unpack(tar: Path, root: Path) -> None:
    """Unpack a tar as root into a new folder."""
    root.mkdir(mode=0o755)
    # Without the pattern GNU tar would drop file capabilities without a word.
    argv = ["tar", "--extract", "--file", str(tar), "--directory", str(root), "--numeric-owner", "--same-owner"]
    argv += ["--preserve-permissions", "--xattrs", f"--xattrs-include={_KEPT}"]
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=_SECONDS)
    if done.returncode != 0:
        raise DgopsError(
            f"the container's files could not be unpacked: {complaint(done)}", "is there room on the disk?"
        )


def pack(root: Path, out: Path, epoch: int) -> Packed:
    """Write a tree as a compressed tar; the time of every file is epoch."""
    argv = ["tar", "--create", "--file=-", f"--directory={root}", "--format=posix", "--sort=name", "--numeric-owner"]
    argv += [f"--mtime=@{epoch}", "--xattrs", f"--xattrs-include={_KEPT}"]
    argv += ["--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime", "."]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TAR_OPTIONS": ""}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as running:
        try:
            assert running.stdout is not None
            assert running.stderr is not None
            packed = _compress(running.stdout, out)
            words = running.stderr.read().decode(errors="replace")
            code = running.wait(timeout=_SECONDS)
        except BaseException:
            running.kill()
            raise
    if code != 0:
        raise DgopsError(
            f"the image could not be packed: {' '.join(words.split())[-300:]}", "is there room on the disk?"
        )
    return packed


def _compress(stream: IO[bytes], out: Path) -> Packed:
    inner = hashlib.sha256()
    with out.open("wb") as file:
        # No name and no time in its head: the same bytes give the same bytes.
        with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=file, mtime=0) as zipped:
            while block := stream.read(_BLOCK):
                inner.update(block)
                zipped.write(block)
        file.flush()
        os.fsync(file.fileno())
    return Packed(digest_file(out), inner.hexdigest(), out.stat().st_size)
