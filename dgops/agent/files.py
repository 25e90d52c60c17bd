"""Files between controller and host: digests, parts that come and go, and what is no longer wanted."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
from typing import Any, BinaryIO, Callable, Dict, Iterable, Iterator, List, Optional, Set, Tuple

from dgops.agent import jobdir, owner, process, tree, whole
from dgops.agent.inputs import PARTS
from dgops.agent.owner import Refusal

Request = Dict[str, Any]
Reply = Tuple[Dict[str, Any], Iterable[bytes]]
# A mirror folder: the only place where files are made to fit a list, and others removed.
MIRROR = re.compile(r"(/.+)/(inputs/[0-9a-f]{16})/?\Z")
MOST_READ = 64 << 20
CHUNK = 1 << 20
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def exchange(request: Request, stream: BinaryIO) -> Reply:
    """Answer one request; `op` is a key of OPERATIONS. All of it happens as `user`, below `root`."""
    try:
        if not isinstance(request["root"], str) or not os.path.isabs(request["root"]):
            raise Refusal("{}: no absolute path".format(str(request["root"])[:200]), "name the folder in full")
        return OPERATIONS[request["op"]](request, stream)
    except Refusal as refusal:
        _drain(stream)
        return refusal.answer, ()


def digest(request: Request, stream: BinaryIO) -> Reply:
    """Return the files at or below `paths` (null = all) with size, sha256 and mode; what is missing; what is odd.

    With `after` a page of them, from behind that one on; `more` is the name to go on behind, null where that is all.
    """
    del stream
    _become(request)
    try:
        with _root(request["root"]) as root:
            return tree.digest(root, request["paths"], request.get("after")), ()
    except FileNotFoundError:
        return {"files": {}, "missing": request["paths"] or [], "odd": []}, ()


def listing(request: Request, stream: BinaryIO) -> Reply:
    """Return what nobody writes to at or below `paths`, a page of it from behind `after` on ("" = from the start)."""
    del stream
    _become(request)
    try:
        with _root(request["root"]) as root:
            return whole.listing(root, request["paths"], request["after"]), ()
    except FileNotFoundError:
        return {"files": {}, "more": None}, ()


def put(request: Request, stream: BinaryIO) -> Reply:
    """Take parts of files and return how many files are whole now, and how much there is of those that are not.

    A part goes on where the last one ended, or further back; one of no length asks how much there is.
    """
    mirror = MIRROR.match(request["root"])
    if mirror:
        owner.own_base(mirror.group(1), owner.entry(request["user"]))
    else:
        _become(request)
    written, parts = 0, {}
    with _root(request["root"], make=True) as root:
        for one in request["files"]:
            tree.checked(one["path"])
            try:
                held = _take(root, one, stream, bool(mirror))
            except OSError as error:
                raise _refused(one["path"], error) from error
            written += held is None
            if held is not None:
                parts[one["path"]] = held
        with contextlib.suppress(OSError):
            os.rmdir(PARTS, dir_fd=root)
    return {"written": written, "parts": parts}, ()


def trim(request: Request, stream: BinaryIO) -> Reply:
    """Remove from a mirror what is not to be kept, half-come files and empty folders included; return the count."""
    del stream
    if not MIRROR.match(request["root"]):
        raise Refusal("{} is no mirror folder".format(request["root"]), "only those are trimmed")
    _become(request)
    keep = {tree.checked(one) for one in request["keep"]}
    folders = {path[:at] for path in keep for at, letter in enumerate(path) if letter == "/"}
    try:
        with _root(request["root"]) as root:
            return {"removed": _trim(root, "", keep, folders)}, ()
    except FileNotFoundError:
        return {"removed": 0}, ()


def read(request: Request, stream: BinaryIO) -> Reply:
    """Return pieces of files one behind the other; `lengths` says how much there was of each."""
    del stream
    _become(request)
    pieces: List[bytes] = []
    with _root(request["root"]) as root:
        for one in request["files"]:
            left = MOST_READ - sum(map(len, pieces))
            try:
                pieces.append(_piece(root, tree.checked(one["path"]), one["offset"], min(one["length"], left)))
            except OSError as error:
                raise _refused(one["path"], error) from error
    return {"lengths": [len(piece) for piece in pieces]}, pieces


def streamed(request: Request, stdin: BinaryIO) -> Reply:
    """Return `length` bytes of one file from `offset` on, or as many as there are, without holding them in memory."""
    del stdin
    _become(request)
    with _root(request["root"]) as root:
        try:
            descriptor = tree.open_file(root, tree.checked(request["path"]))
        except OSError as error:
            raise _refused(request["path"], error) from error
    return {}, _chunks(descriptor, int(request["offset"]), int(request["length"]))


def _chunks(descriptor: int, offset: int, left: int) -> Iterator[bytes]:
    with open(descriptor, "rb", buffering=0) as source:
        source.seek(max(0, offset))
        while left > 0:
            chunk = source.read(min(left, CHUNK))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk


def _take(root: int, one: Dict[str, Any], stream: BinaryIO, replace: bool) -> Optional[int]:
    """Append one part; return None when the file is whole and in its place, else how many bytes there are."""
    name = hashlib.sha256("{}\0{}".format(one["path"], one["sha256"]).encode()).hexdigest()[:32]
    with tree.folder(root, PARTS, make=True, replace=True) as parts:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(name, flags, 0o600, dir_fd=parts)
        try:
            held = os.fstat(descriptor).st_size
            if one["length"] or not one["size"]:
                held = _append(descriptor, held, one, stream)
            if held != one["size"]:
                return held
            if tree.sha256_of(descriptor) != one["sha256"]:
                os.unlink(name, dir_fd=parts)
                raise Refusal("{} arrived damaged: another sha256".format(one["path"]), "send it again")
            os.fchmod(descriptor, int(one["mode"]) & 0o777)
            os.fsync(descriptor)
            head, _, last = one["path"].rpartition("/")
            with tree.folder(root, head, make=True, replace=replace) as target:
                os.rename(name, last, src_dir_fd=parts, dst_dir_fd=target)
        except OSError as error:
            # A part that only stopped half way is gone on with later; one that fills the disk is not kept there.
            if error.errno in FULL:
                os.unlink(name, dir_fd=parts)
            raise
        finally:
            os.close(descriptor)
    return None


def _append(descriptor: int, held: int, one: Dict[str, Any], stream: BinaryIO) -> int:
    offset, left = int(one["offset"]), int(one["length"])
    if not 0 <= offset <= held or offset + left > int(one["size"]):
        words = "{}: a part from {} on, where {} bytes of {} are there".format(one["path"], offset, held, one["size"])
        raise Refusal(words, "send it from its start")
    os.ftruncate(descriptor, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    while left:
        data = stream.read(min(left, CHUNK))
        if not data:
            raise OSError(errno.EPIPE, "the connection ended in the middle")
        jobdir.write_all(descriptor, data)
        left -= len(data)
    return offset + int(one["length"])


def _piece(root: int, path: str, offset: int, length: int) -> bytes:
    descriptor = tree.open_file(root, path)
    with open(descriptor, "rb") as stream:
        stream.seek(max(0, int(offset)))
        return stream.read(max(0, int(length)))


def _trim(descriptor: int, prefix: str, keep: Set[str], folders: Set[str]) -> int:
    removed = 0
    with os.scandir(descriptor) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        path = prefix + name
        if is_folder:
            if path not in folders:
                removed += _count_and_remove(descriptor, name)
                continue
            inner = os.open(name, tree.FOLDER, dir_fd=descriptor)
            try:
                removed += _trim(inner, path + "/", keep, folders)
            finally:
                os.close(inner)
        elif path not in keep:
            os.unlink(name, dir_fd=descriptor)
            removed += 1
    return removed


def _count_and_remove(descriptor: int, name: str) -> int:
    inner = os.open(name, tree.FOLDER, dir_fd=descriptor)
    try:
        removed = _trim(inner, "", set(), set())
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=descriptor)
    return removed


def _become(request: Request) -> None:
    user = owner.entry(request["user"])
    process.become(user.pw_uid, user.pw_gid)


@contextlib.contextmanager
def _root(path: str, make: bool = False) -> Iterator[int]:
    try:
        descriptor = _open_root(path, make)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise Refusal("{} leads through a link or a file".format(path), "look at it on the host") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open_root(path: str, make: bool) -> int:
    mirror = MIRROR.match(path)
    if not mirror:
        # It was chosen by the controller, and a volume may be a link; below it no link is followed.
        if make:
            os.makedirs(path, exist_ok=True)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    # Jobs can write here: a link in its place would lead a trim to their user's home.
    base = os.open(mirror.group(1), tree.FOLDER)
    try:
        with tree.folder(base, mirror.group(2), make) as inner:
            return os.dup(inner)
    finally:
        os.close(base)


def _refused(path: str, error: OSError) -> Refusal:
    hint = "make room on the host's disk" if error.errno in FULL else "look at it on the host"
    return Refusal("{}: {}".format(path, error.strerror or error), hint)


def _drain(stream: BinaryIO) -> None:
    """Read what was still to come: a sender that is cut off would report that instead of the reason."""
    while stream.read(CHUNK):
        pass


OPERATIONS: Dict[str, Callable[[Request, BinaryIO], Reply]] = {
    "digest": digest,
    "list": listing,
    "put": put,
    "trim": trim,
    "read": read,
    "stream": streamed,
}
