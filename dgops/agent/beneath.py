"""Files and folders opened name by name, so that no link is ever followed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import uuid
from typing import Any, Dict, Optional, Tuple

CHUNK = 1 << 20
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe must not make a reader wait for a writer.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Refused(Exception):  # noqa: N818 - an answer, not an accident
    """The path is not what it should be; the message says how."""


def names_of(path: str) -> Tuple[str, ...]:
    """Return the names of a path below a folder; raises Refused where it could lead elsewhere."""
    names = tuple(path.split("/"))
    if any(name in ("", ".", "..") or "\0" in name for name in names) or ".git" in (name.lower() for name in names):
        raise Refused("{!r} leads elsewhere".format(path[:200]))
    return names


def open_folder(path: str, make: bool = False) -> int:
    """Open an absolute folder and return its descriptor, making what is missing if asked to.

    Raises FileNotFoundError where it is missing, Refused where a part of it is a link or no folder.
    """
    here = os.open("/", FOLDER)
    return _down(here, [name for name in path.split("/") if name], make)


def open_below(folder: int, names: Tuple[str, ...], make: bool = False) -> int:
    """Open a folder below an open one; the caller keeps that one. Raises as open_folder does."""
    return _down(os.dup(folder), list(names), make)


def _down(here: int, names: "list[str]", make: bool) -> int:
    try:
        for name in names:
            if make:
                _make(here, name)
            below = _step(here, name)
            os.close(here)
            here = below
    except BaseException:
        os.close(here)
        raise
    return here


def _step(here: int, name: str) -> int:
    try:
        return os.open(name, FOLDER, dir_fd=here)
    except OSError:
        found = os.stat(name, dir_fd=here, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            target = os.readlink(name, dir_fd=here)
            raise Refused("{} is a link (to {})".format(name, target[:200])) from None
        if not stat.S_ISDIR(found.st_mode):
            raise Refused("{} is no folder".format(name)) from None
        raise


def _make(here: int, name: str) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=here)
    except FileExistsError:
        return
    made = os.open(name, FOLDER, dir_fd=here)
    try:
        # Whoever may write there could have put a folder of somebody else's in its place.
        if os.fstat(made).st_uid == os.geteuid() and not os.listdir(made):
            owner = os.fstat(here)
            os.fchown(made, owner.st_uid, owner.st_gid)
    finally:
        os.close(made)


def is_foreign(found: os.stat_result, owner: int) -> bool:
    """Return whether a file is another name for one of somebody else's, which the owner may not be able to read."""
    return found.st_nlink > 1 and found.st_uid != owner


def read_state(folder: int, name: str) -> Optional[Tuple[str, str]]:
    """Return a name's mode and blob id as git has them, None where nothing is there.

    The mode of what git cannot hold is empty, and so is its id.
    """
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        return "120000", blob_id(os.fsencode(os.readlink(name, dir_fd=folder)))
    if not stat.S_ISREG(found.st_mode):
        return "", ""
    return mode_of(found), hash_file(folder, name)[0]


def read_part(root: int, path: str, offset: int, length: int) -> Optional[bytes]:
    """Return a piece of a regular file below an open folder, None where there is none that is its owner's own."""
    names = names_of(path)
    try:
        folder = open_below(root, names[:-1])
    except (OSError, Refused):
        return None
    try:
        descriptor = os.open(names[-1], FILE, dir_fd=folder)
    except OSError:
        return None
    finally:
        os.close(folder)
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or is_foreign(found, os.fstat(root).st_uid):
            return None
        stream.seek(offset)
        return stream.read(length)


def read_record(path: str, name: str, most: int) -> Optional[Dict[str, Any]]:
    """Return the JSON object in a file of an absolute folder, None where there is none that can be read."""
    try:
        folder = open_folder(path)
    except (OSError, Refused):
        return None
    try:
        with os.fdopen(os.open(name, FILE, dir_fd=folder), "rb") as stream:
            record = json.loads(stream.read(most).decode())
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        os.close(folder)
    return record if isinstance(record, dict) else None


def replace_file(folder: int, name: str, content: bytes) -> None:
    """Write a file of an open folder, whole or not at all; only its owner may read it."""
    temporary = ".dgops-{}.part".format(uuid.uuid4().hex)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)


def mode_of(found: os.stat_result) -> str:
    """Return git's mode of a regular file."""
    return "100755" if found.st_mode & stat.S_IXUSR else "100644"


def blob_id(content: bytes) -> str:
    """Return git's id of these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def hash_file(folder: int, name: str) -> Tuple[str, os.stat_result]:
    """Return git's id of a file and its state at that moment; raises Refused where it changes meanwhile."""
    for _ in range(3):
        descriptor = os.open(name, FILE, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as stream:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise Refused("no longer a file")
            total = hashlib.sha1(b"blob %d\0" % before.st_size)
            read = 0
            # One byte more than there should be tells that it grows, however fast it does.
            while read <= before.st_size:
                chunk = stream.read(min(CHUNK, before.st_size + 1 - read))
                if not chunk:
                    break
                read += len(chunk)
                total.update(chunk)
            after = os.fstat(descriptor)
        if read == before.st_size and same(before, after):
            return total.hexdigest(), after
    raise Refused("it is being written")


def same(one: os.stat_result, other: os.stat_result) -> bool:
    """Return whether nothing touched a file between two looks."""
    return signature(one) == signature(other)


def signature(found: os.stat_result) -> Tuple[int, int, int, int]:
    """Return what changes when a file's content does."""
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
