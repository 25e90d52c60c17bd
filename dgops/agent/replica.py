"""The host's side of a sync: give bytes of files, and change files that are still what home believes them to be."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import time
import uuid
from typing import Any, BinaryIO, Dict, Iterable, List, Set, Tuple

from dgops.agent import beneath, scan, spool, watch

MOST_BYTES = 256 << 20
PART = re.compile(r"\.dgops-[0-9a-f]{32}\.part")
# Longer than any request may take.
ABANDONED = 3600


def exchange(request: Dict[str, Any], payload: BinaryIO) -> Tuple[Dict[str, Any], Iterable[bytes]]:
    """Answer one request: op read, write or mark; every `root` is the absolute path of a mapped folder.

    read: `files` [{root, path, offset, length}] → `lengths` (-1 where there is no such file) and their bytes.
    write: `files` [{root, path, expect: null or [mode, id], entry: null or [mode, length]}] and the bytes of those
    that are written → `results`: "done", "differs" or a reason, one for each file.
    mark: `marks` [{root, marker, keep}] → `modes`: for each, whether the disk there holds executable bits; where there
    is a `keep`, edits since are spooled from now on; `stale` are the roots where it does not fit what is noted.
    """
    roots = Roots(make=request["op"] == "write")
    try:
        if request["op"] == "read":
            return _read(request["files"], roots)
        if request["op"] == "write":
            return {"results": _write(request["files"], payload, roots)}, ()
        modes = [_mark(one["root"], one["marker"]) for one in request["marks"]]
        return {"modes": modes, "stale": _keep([one for one in request["marks"] if one.get("keep")])}, ()
    except beneath.Refused as error:
        return {"refused": str(error)}, ()
    finally:
        roots.close()


class Roots:
    """Mapped folders, each opened once."""

    def __init__(self, make: bool) -> None:
        self.make = make
        self.open: Dict[str, int] = {}
        self.swept: Set[Tuple[int, int]] = set()

    def get(self, path: str) -> int:
        """Return a mapped folder's descriptor."""
        if path not in self.open:
            self.open[path] = beneath.open_folder(path, self.make)
        return self.open[path]

    def sweep(self, folder: int) -> None:
        """Remove what was abandoned in a folder below, once."""
        found = os.fstat(folder)
        if (found.st_dev, found.st_ino) not in self.swept:
            self.swept.add((found.st_dev, found.st_ino))
            _sweep(folder)

    def close(self) -> None:
        """Close them all."""
        for descriptor in self.open.values():
            os.close(descriptor)


def _read(files: List[Dict[str, Any]], roots: Roots) -> Tuple[Dict[str, Any], Iterable[bytes]]:
    if any(one["length"] < 0 for one in files) or sum(one["length"] for one in files) > MOST_BYTES:
        raise beneath.Refused("more was asked for than fits one answer")
    chunks = [beneath.read_part(roots.get(one["root"]), one["path"], one["offset"], one["length"]) for one in files]
    lengths = [-1 if chunk is None else len(chunk) for chunk in chunks]
    return {"lengths": lengths}, [chunk for chunk in chunks if chunk]


def _write(files: List[Dict[str, Any]], payload: BinaryIO, roots: Roots) -> List[str]:
    results = []
    for one in files:
        content = _take(payload, one["entry"][1]) if one["entry"] else b""
        try:
            results.append(_swap(roots, one, content))
        except beneath.Refused as error:
            results.append(str(error))
        except OSError as error:
            results.append(error.strerror or type(error).__name__)
    return results


def _take(payload: BinaryIO, length: int) -> bytes:
    if not 0 <= length <= MOST_BYTES:
        raise beneath.Refused("more was sent than fits one request")
    content = payload.read(length)
    if len(content) != length:
        raise beneath.Refused("the request ended in the middle of a file")
    return content


def _swap(roots: Roots, one: Dict[str, Any], content: bytes) -> str:
    """Change one path if it is what is expected; it is whole before and after, and never half."""
    root = roots.get(one["root"])
    names = beneath.names_of(one["path"])
    expected = tuple(one["expect"]) if one["expect"] else None
    try:
        folder = beneath.open_below(root, names[:-1], make=bool(one["entry"]))
    except FileNotFoundError:
        # Nothing is there, and nothing is to be there.
        return "done" if expected is None else "differs"
    try:
        roots.sweep(folder)
        if not one["entry"]:
            return _remove(folder, names[-1], expected, root, names)
        temporary = ".dgops-{}.part".format(uuid.uuid4().hex)
        try:
            _prepare(folder, names[-1], temporary, os.fstat(root), one["entry"][0], content)
            return _rename(folder, temporary, names[-1], expected)
        finally:
            _unlink(folder, temporary)
    finally:
        os.close(folder)


def _remove(folder: int, name: str, expected: Any, root: int, names: Tuple[str, ...]) -> str:
    if beneath.read_state(folder, name) != expected:
        return "differs"
    os.unlink(name, dir_fd=folder)
    # Git knows no empty folders.
    for depth in range(len(names) - 1, 0, -1):
        parent = beneath.open_below(root, names[: depth - 1])
        try:
            os.rmdir(names[depth - 1], dir_fd=parent)
        except OSError:
            break
        finally:
            os.close(parent)
    return "done"


def _prepare(folder: int, name: str, temporary: str, owner: os.stat_result, mode: str, content: bytes) -> None:
    if mode == "120000":
        # A link stays root's: by its name somebody else's file could be given away, and its owner means nothing.
        os.symlink(os.fsdecode(content), temporary, dir_fd=folder)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.fchmod(descriptor, _permissions(folder, name, mode))
        stream.flush()
        os.fsync(descriptor)


def _permissions(folder: int, name: str, mode: str) -> int:
    """Return a file's permissions: those of the file that is replaced, with the executable bits that git wants."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        plain = stat.S_IMODE(found.st_mode) & 0o666 if stat.S_ISREG(found.st_mode) else 0o644
    except FileNotFoundError:
        plain = 0o644
    return plain | 0o600 | (((plain | 0o600) & 0o444) >> 2 if mode == "100755" else 0)


def _rename(folder: int, temporary: str, name: str, expected: Any) -> str:
    if expected is None:
        if not _is_free(folder, name):
            return "a folder stands there, with files that are not synced"
        try:
            # A link is made only where nothing is: two steps, but none in which another's file is lost.
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            return "differs"
        except OSError:
            # Some disks know no hard links.
            if beneath.read_state(folder, name) is not None:
                return "differs"
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    else:
        if beneath.read_state(folder, name) != expected:
            return "differs"
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)
    return "done"


def _is_free(folder: int, name: str) -> bool:
    """Return whether no folder is in the way of a file; one that holds only folders goes, as git knows none."""
    try:
        inner = os.open(name, beneath.FOLDER, dir_fd=folder)
    except OSError:
        return True
    try:
        _sweep(inner)
        if not all(_is_folder(inner, one) and _is_free(inner, one) for one in os.listdir(inner)):
            return False
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=folder)
    return True


def _is_folder(folder: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _sweep(folder: int) -> None:
    """Remove what an agent left half written that was killed long ago."""
    for name in os.listdir(folder):
        if PART.fullmatch(name):
            with contextlib.suppress(OSError):
                if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime < time.time() - ABANDONED:
                    os.unlink(name, dir_fd=folder)


def _unlink(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _keep(marks: List[Dict[str, Any]]) -> List[str]:
    stale = []
    # What is agreed on is agreed on: where there is no room for the notes of it, nothing is spooled.
    with contextlib.suppress(OSError):
        for one in marks:
            if not spool.remember(one["root"], one["marker"], one["keep"]):
                stale.append(one["root"])
        if marks:
            watch.ensure()
    return stale


def _mark(root: str, marker: Dict[str, Any]) -> bool:
    """Write a mapped folder's marker beside it; returns whether executable bits stay there."""
    os.close(beneath.open_folder(root, make=True))
    place, name = scan.marker_place(root)
    folder = beneath.open_folder(place)
    temporary = ".dgops-{}.part".format(uuid.uuid4().hex)
    try:
        owner = os.fstat(folder)
        _prepare(folder, temporary, temporary, owner, "100755", b"")
        held = bool(os.stat(temporary, dir_fd=folder).st_mode & stat.S_IXUSR)
        _unlink(folder, temporary)
        _prepare(folder, temporary, temporary, owner, "100644", json.dumps({**marker, "modes": held}).encode())
        held = held and not os.stat(temporary, dir_fd=folder).st_mode & stat.S_IXUSR
        if not held:
            _unlink(folder, temporary)
            _prepare(folder, temporary, temporary, owner, "100644", json.dumps({**marker, "modes": False}).encode())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    finally:
        _unlink(folder, temporary)
        os.close(folder)
    return held
