"""What a venv should hold, file by file: the RECORDs of its distributions, and the manifest of its last change."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import stat
import sys
import uuid
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from dgops.agent import beneath, jobdir
from dgops.agent.pins import canonical

# In every venv that was made here.
STAMP = ".dgops"
VERSION = 1
INFO = ".dist-info"
LARGEST = 1 << 28
# A clock of a file system ticks in steps: what changed in the step of a look may have changed after it.
TICK = 50_000_000


class Row(NamedTuple):
    """A file or link of a venv: what should be there, and how it stood when that was last proven.

    `digests`: any of them is right (two distributions may claim one file), none where nobody knows; as RECORD
    writes them, a link's is `link:` and its target. `holders`: the dist-info folders that claim it, none for what
    belongs to the venv itself. `stamp`: mode, size, mtime and ctime in ns, inode; empty where nothing was proven.
    """

    digests: Tuple[str, ...]
    size: int
    holders: Tuple[str, ...]
    stamp: Tuple[int, ...] = ()


class Manifest(NamedTuple):
    """Path in the venv → row; folder → mode; the Python they were made for and when it was looked, in ns."""

    files: Dict[str, Row]
    folders: Dict[str, int]
    python: str
    taken: int


def site_packages() -> str:
    """Return the folder in a venv that this Python's packages lie in."""
    return os.path.join("lib", "python{}.{}".format(*sys.version_info), "site-packages")


def python() -> str:
    """Return this Python's version."""
    return "{}.{}.{}".format(*sys.version_info)


def alive(venv: str) -> bool:
    """Say whether a venv is there and of this Python; what is broken of it can be mended."""
    made = any(os.path.lexists(os.path.join(venv, name)) for name in (STAMP, "pyvenv.cfg"))
    return made and is_folder(venv, site_packages())


def is_folder(venv: str, path: str) -> bool:
    """Say whether a path in a venv is a folder that no link leads to: behind one lies what is somebody else's."""
    while path:
        try:
            mode = os.lstat(os.path.join(venv, path)).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        if not stat.S_ISDIR(mode):
            return False
        path = os.path.dirname(path)
    return True


def stamp_of(status: os.stat_result) -> Tuple[int, ...]:
    """Return what of a file's status moves when the file is touched."""
    return status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def status(venv: str) -> Optional[os.stat_result]:
    """Return how a venv's manifest lies there, None where there is none."""
    try:
        return os.lstat(os.path.join(venv, STAMP))
    except OSError:
        return None


def read(venv: str) -> Optional[Manifest]:
    """Return a venv's manifest, None where there is none or not the one that was written."""
    try:
        descriptor = jobdir.open_regular(os.path.join(venv, STAMP))
        with open(descriptor, "rb") as stream:
            head, body = stream.readline(1000), stream.read(LARGEST)
        if json.loads(head) != {"sha256": hashlib.sha256(body).hexdigest()}:
            return None
        kept = json.loads(body)
        if kept["version"] != VERSION:
            return None
        alone: List[Tuple[str, ...]] = [(holder,) for holder in kept["holders"]]
        files = {path: _row(row, kept["holders"], alone) for path, row in kept["files"].items()}
        return Manifest(files, kept["folders"], kept["python"], kept["taken"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        return None


def _row(row: Any, holders: List[str], alone: List[Tuple[str, ...]]) -> Row:
    digests, size, claims, stamp = row
    # One holder is the rule, and thousands of files share it.
    held = alone[claims[0]] if len(claims) == 1 else tuple(holders[claim] for claim in claims)
    return Row(tuple(digests), size, held, tuple(stamp))


def write(venv: str, made: Manifest) -> None:
    """Keep a manifest in its venv, whole or not at all."""
    content = _packed(made)
    new = os.path.join(venv, STAMP + ".new")
    with open(new, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, os.path.join(venv, STAMP))


def _packed(made: Manifest) -> bytes:
    holders = sorted({holder for row in made.files.values() for holder in row.holders})
    number = {holder: at for at, holder in enumerate(holders)}
    files = {
        path: [row.digests, row.size, [number[holder] for holder in row.holders], row.stamp]
        for path, row in sorted(made.files.items())
    }
    kept = {"version": VERSION, "python": made.python, "taken": made.taken, "holders": holders}
    body = json.dumps({**kept, "folders": made.folders, "files": files}).encode() + b"\n"
    head = json.dumps({"sha256": hashlib.sha256(body).hexdigest()}).encode() + b"\n"
    return head + body


def refresh(venv: str, before: Optional[os.stat_result], made: Manifest) -> None:
    """Replace a manifest by one that knows how everything stands now, as git refreshes its index; else leave it.

    `before` is its status when it was read. It stays its owner's, and one that was written meanwhile stays.
    """
    new = "{}.{}".format(STAMP, uuid.uuid4().hex)
    with contextlib.suppress(OSError, beneath.Refused):
        folder = beneath.open_folder(venv)
        try:
            # By descriptor, and never through a name that was there: whose folder it is could lead root elsewhere.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(new, flags, 0o600, dir_fd=folder), "wb") as stream:
                stream.write(_packed(made))
                now = os.stat(STAMP, dir_fd=folder, follow_symlinks=False)
                os.fchown(stream.fileno(), now.st_uid, now.st_gid)
                os.fchmod(stream.fileno(), stat.S_IMODE(now.st_mode))
            if before and stamp_of(before) == stamp_of(now):
                os.rename(new, STAMP, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new, dir_fd=folder)
            os.close(folder)


def claims(venv: str, holder: str) -> Dict[str, Row]:
    """Return path → row of a distribution's RECORD; its rows are believed nothing but paths inside of the venv."""
    found: Dict[str, Row] = {}
    site = site_packages()
    for path, digest, size in recorded(os.path.join(venv, site, holder)):
        inner = os.path.normpath(os.path.join(site, path))
        # `..` leads from site-packages to bin, and in a RECORD that somebody edited anywhere.
        if path and not inner.startswith(("..", "/")) and "\0" not in path and inner != ".":
            digests = (digest,) if digest.startswith("sha256=") else ()
            found[inner] = Row(digests, int(size) if size.isdigit() and len(size) < 20 else -1, (holder,))
    return found


def recorded(folder: str) -> Iterator[Tuple[str, str, str]]:
    """Yield path, digest and size of each row of a RECORD, texts as they are; rows of another shape are no rows."""
    try:
        descriptor = jobdir.open_regular(os.path.join(folder, "RECORD"))
    except OSError:
        return
    with open(descriptor, encoding="utf-8", errors="surrogateescape", newline="") as stream:
        # Line ends inside quotes belong to a name.
        rows = csv.reader(stream)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error:
                continue
            if len(row) == 3:
                yield row[0], row[1], row[2]


def merged(first: Dict[str, Row], second: Dict[str, Row]) -> Dict[str, Row]:
    """Return the rows of both; a file that both claim may be as either says."""
    both = dict(first)
    for path, row in second.items():
        held = first.get(path)
        both[path] = _either(held, row) if held else row
    return both


def _either(one: Row, other: Row) -> Row:
    digests = tuple(sorted({*one.digests, *other.digests})) if one.digests and other.digests else ()
    size = one.size if one.size == other.size else -1
    return Row(digests, size, tuple(sorted({*one.holders, *other.holders})))


def split(holder: str) -> Tuple[str, str]:
    """Return the canonical name and the version that a dist-info folder's name says."""
    name, _, version = holder[: -len(INFO)].partition("-")
    return canonical(name), version
