"""Files below one folder, reached step by step so that no symbolic link leads elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from dgops.agent import spec
from dgops.agent.inputs import PARTS
from dgops.agent.owner import Refusal

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
MOST_FILES = 50000
# What one answer may hold as JSON, and how much of it a file takes beside its path.
MOST_JSON, ROW = 7 << 20, 140
DEEPEST = 64
# How many bytes are hashed for one page.
HEAVY = 8 << 30
CHUNK = 1 << 20

Odd = Callable[[str, str], None]


def checked(path: Any) -> str:
    """Return a path that stays below its root; any other is refused."""
    if not spec.is_inner(path):
        raise Refusal("{}: no path below a folder".format(str(path)[:200]), "relative, without . and ..")
    return str(path)


@contextlib.contextmanager
def folder(root: int, path: str, make: bool = False, replace: bool = False) -> Iterator[int]:
    """Yield a descriptor of the folder `path` ("" = the root's own), made where it is missing and that is wanted.

    With `replace`, what stands in the way and is no folder goes. Raises OSError where a step is a link or no folder.
    """
    descriptor = os.dup(root)
    try:
        for part in filter(None, path.split("/")):
            if make:
                _make(descriptor, part, replace)
            inner = os.open(part, FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _make(descriptor: int, name: str, replace: bool) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=descriptor)
    except FileExistsError:
        if replace and not stat.S_ISDIR(os.lstat(name, dir_fd=descriptor).st_mode):
            os.unlink(name, dir_fd=descriptor)
            os.mkdir(name, 0o755, dir_fd=descriptor)


def open_file(root: int, path: str) -> int:
    """Return a descriptor of a regular file; raises OSError for anything else."""
    head, _, name = path.rpartition("/")
    with folder(root, head) as inner:
        descriptor = os.open(name, FILE, dir_fd=inner)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("no regular file")
    return descriptor


def walk(root: int, path: str, odd: Odd) -> Iterator[Tuple[str, os.stat_result]]:
    """Yield every regular file at or below `path` ("" = all) in order of names; what is none is told to `odd`.

    Raises FileNotFoundError where there is nothing at `path`.
    """
    head, _, name = path.rpartition("/")
    if not name:
        yield from _below(root, "", 0, odd)
        return
    with folder(root, head) as inner:
        yield from _one(inner, name, path, head.count("/"), odd)


def _below(descriptor: int, prefix: str, depth: int, odd: Odd) -> Iterator[Tuple[str, os.stat_result]]:
    if depth > DEEPEST:
        odd(prefix, "it lies too deep")
        return
    for name in sorted(os.listdir(descriptor)):
        if name != PARTS:
            yield from _one(descriptor, name, prefix + "/" + name if prefix else name, depth, odd)


def _one(descriptor: int, name: str, path: str, depth: int, odd: Odd) -> Iterator[Tuple[str, os.stat_result]]:
    seen = os.lstat(name, dir_fd=descriptor)
    if not _is_text(name):
        odd(os.fsencode(path).decode("utf-8", "backslashreplace"), "its name is no UTF-8")
    elif stat.S_ISREG(seen.st_mode):
        yield path, seen
    elif stat.S_ISDIR(seen.st_mode):
        try:
            inner = os.open(name, FOLDER, dir_fd=descriptor)
        except PermissionError:
            odd(path, "the user may not read it")
            return
        try:
            yield from _below(inner, path, depth + 1, odd)
        finally:
            os.close(inner)
    else:
        odd(path, "a symbolic link" if stat.S_ISLNK(seen.st_mode) else "neither file nor folder")


def order(path: str) -> List[str]:
    """Return what sorts paths as a walk comes to them."""
    return path.split("/")


def digest(root: int, paths: Optional[List[str]], after: Optional[str] = None) -> Dict[str, Any]:
    """Return size, sha256 and mode of every file at or below the paths (None = all), with what is missing or odd.

    With `after` only a page, of what comes behind it in the order of the walk; `more` names the last one then.
    """
    files: Dict[str, Dict[str, Any]] = {}
    missing: List[str] = []
    strange: List[Dict[str, str]] = []
    behind = order(after) if after else []

    def odd(path: str, reason: str) -> None:
        if len(strange) < MOST_FILES and order(path) > behind:
            strange.append({"path": path, "reason": reason})

    room, heavy, last = MOST_JSON, HEAVY, after
    for path in [""] if paths is None else [checked(one) for one in paths]:
        try:
            for name, seen in walk(root, path, odd):
                if order(name) <= behind:
                    continue
                room -= ROW + len(json.dumps(name))
                if len(files) >= MOST_FILES or room < 0 or (after is not None and heavy < 0):
                    if after is None:
                        raise Refusal("{:,} files and more: too many".format(len(files)), "pack them, or name fewer")
                    return {"files": files, "missing": missing, "odd": strange, "more": last}
                last, heavy = name, heavy - seen.st_size
                try:
                    size, checksum = _sum(root, name)
                except OSError as error:
                    odd(name, error.strerror or str(error))
                    continue
                files[name] = {"size": size, "sha256": checksum, "mode": stat.S_IMODE(seen.st_mode)}
        except FileNotFoundError:
            missing.append(path)
        except OSError as error:
            odd(path, _reason(error))
    return {"files": files, "missing": missing, "odd": strange, **({} if after is None else {"more": None})}


def sha256_of(descriptor: int) -> str:
    """Return the sha256 of an open file, from its start."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    return _hash(descriptor)[1]


def _sum(root: int, path: str) -> Tuple[int, str]:
    descriptor = open_file(root, path)
    try:
        return _hash(descriptor)
    finally:
        os.close(descriptor)


def _hash(descriptor: int) -> Tuple[int, str]:
    total, state = 0, hashlib.sha256()
    while True:
        data = os.read(descriptor, CHUNK)
        if not data:
            return total, state.hexdigest()
        total += len(data)
        state.update(data)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: OSError) -> str:
    # A link where a folder was expected: the kernel says "not a directory", or "too many levels".
    return "it leads through a symbolic link or a file" if error.errno in (20, 40) else error.strerror or str(error)
