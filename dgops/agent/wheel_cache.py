"""The wheel cache's commands: fetch, list, verify, pack, prune."""

from __future__ import annotations

import os
import pwd
from dataclasses import asdict
from typing import Any, Callable, Dict, List, Set, Tuple

from dgops.agent import mounts, process, scratch, wheel_archive, wheel_notes, wheel_proof, wheel_stock
from dgops.agent.pins import Pin, everywhere
from dgops.agent.wheel_notes import Notes
from dgops.agent.wheel_stock import Lock
from dgops.agent.wheels import FULL, near_of, proven, ready, sha256, shelf, stop

NOBODY = 65534


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Run one `op` on the `cache` of the request, for its `locks` (name, text, index_url), as the folder's owner."""
    cache = request["cache"]
    locks = [Lock(one["name"], one["text"], one.get("index_url", "")) for one in request["locks"]]
    if not os.path.isdir(cache):
        if request.get("check"):
            return {"changed": True, "missing": {lock.name: [_words(pin) for pin in lock.pins] for lock in locks}}
        stop("there is no wheel cache at {}: dgops deploy makes it".format(cache))
    _become_owner(cache)
    try:
        return OPS[request["op"]](cache, locks, request)
    except OSError as error:
        words = error.strerror or str(error)
        stop("{}: {}".format(FULL if FULL in words else words, error.filename or cache))


def fetch(cache: str, locks: List[Lock], request: Dict[str, Any]) -> Dict[str, Any]:
    """Make the cache hold the wheels of every lock; `seeds` are wheels that a controller has put there just now.

    With `check` nothing is changed, and what is not there is named as `missing`.
    """
    notes, seeds = Notes(cache), request.get("seeds", [])
    if request.get("check"):
        return _missing(cache, locks, seeds, notes)
    swept = scratch.sweep(cache)
    near = near_of(cache)
    done = {lock.name: asdict(wheel_stock.stock(lock, cache, near, notes)) for lock in locks}
    for name in seeds:
        notes.note(name, notes.believed(name) or sha256(os.path.join(cache, name)).hexdigest())
    notes.note_seeds(sorted({*notes.seeds, *seeds}))
    changed = notes.changed() or bool(swept)
    _save(notes)
    return {"changed": changed, "swept": swept, "locks": done}


def _missing(cache: str, locks: List[Lock], seeds: List[str], notes: Notes) -> Dict[str, Any]:
    missing: Dict[str, List[str]] = {}
    for lock in locks:
        held = proven(lock.pins, cache, notes)[0]
        missing[lock.name] = [_words(pin) for pin in lock.pins if pin not in held]
    digests = {lock.name: wheel_notes.text_digest(lock.text) for lock in locks}
    seen = wheel_notes.seen({"path": cache, "locks": digests, "seeds": " ".join(seeds)})
    changed = any(missing.values()) or any(seen[key] for key in ("unknown", "missing", "touched"))
    return {"changed": changed, "missing": missing}


def listing(cache: str, locks: List[Lock], request: Dict[str, Any]) -> Dict[str, Any]:
    """List wheels and archives with their sizes and the locks that want them, by name and version."""
    del request
    wanted = {lock.name: {(pin.name, pin.version) for pin in everywhere(lock.text)} for lock in locks}
    rows = [
        _row(wheel.path, [name for name, pins in wanted.items() if (wheel.name, wheel.version) in pins])
        for wheel in shelf(cache)
    ]
    archives = {wheel_archive.name_of(lock.name, lock.text): lock.name for lock in locks}
    for name in _archives(cache):
        rows.append(_row(os.path.join(cache, name), [archives[name]] if name in archives else []))
    return {"path": cache, "filesystem": mounts.filesystem(cache), "files": rows}


def verify(cache: str, locks: List[Lock], request: Dict[str, Any]) -> Dict[str, Any]:
    """Read every file and say which are not what they should be."""
    del request
    archives = {}
    for lock in locks:
        hashes = frozenset(one for pin in everywhere(lock.text) for one in pin.hashes)
        archives[wheel_archive.name_of(lock.name, lock.text)] = hashes
    return {"path": cache, **wheel_proof.verify(cache, wheel_stock.hashes_of(locks), archives)}


def pack(cache: str, locks: List[Lock], request: Dict[str, Any]) -> Dict[str, Any]:
    """Write an archive of each lock's wheels beside them; one that is as it should be is left alone."""
    del request
    notes = Notes(cache)
    done = {}
    for lock in locks:
        packed = wheel_stock.pack(lock, cache, notes)
        name = wheel_archive.name_of(lock.name, lock.text)
        size = os.path.getsize(os.path.join(cache, name))
        done[lock.name] = {"name": name, "size": size, "packed": bool(packed)}
    _save(notes)
    return {"path": cache, "locks": done}


def prune(cache: str, locks: List[Lock], request: Dict[str, Any]) -> Dict[str, Any]:
    """Remove wheels that came here for a lock which none is any more, and what killed runs left; `dry_run` only looks.

    What a controller put there stays: the next deploy would bring it again. So do wheels that were never fetched for
    a lock: the folder may be other projects' too.
    """
    if not locks:
        stop("no lock was given, and so every wheel would go")
    notes = Notes(cache)
    wanted = {(pin.name, pin.version) for lock in locks for pin in everywhere(lock.text)}
    whole = {wheel_archive.name_of(lock.name, lock.text) for lock in locks}
    names = [os.path.basename(one.path) for one in shelf(cache) if (one.name, one.version) not in wanted]
    gone = [name for name in names if name in notes.files and name not in notes.seeds]
    gone += [one for one in _archives(cache) if one not in whole]
    gone += scratch.stale(cache)
    rows = [{"name": name, "size": _size(os.path.join(cache, name))} for name in gone]
    if not request.get("dry_run"):
        scratch.sweep(cache)
        for name in set(gone) & set(os.listdir(cache)):
            os.unlink(os.path.join(cache, name))
            notes.forget(name)
        _save(notes)
    return {"path": cache, "removed": rows, "bytes": sum(row["size"] for row in rows)}


def _words(pin: Pin) -> str:
    return "{} {}".format(pin.name, pin.version)


def _row(path: str, locks: List[str]) -> Dict[str, Any]:
    return {"name": os.path.basename(path), "size": os.path.getsize(path), "locks": sorted(locks)}


def _archives(cache: str) -> List[str]:
    return sorted(name for name in os.listdir(cache) if wheel_archive.NAMED.fullmatch(name))


def _size(path: str) -> int:
    inner: Set[Tuple[int, int]] = set()
    for folder, _, names in os.walk(path):
        inner |= {(one.st_ino, one.st_size) for one in (os.lstat(os.path.join(folder, name)) for name in names)}
    return sum(size for _, size in inner) if os.path.isdir(path) else os.lstat(path).st_size


def _save(notes: Notes) -> None:
    notes.save(os.path.join(notes.cache, scratch.prefix() + "notes"))


def _become_owner(cache: str) -> None:
    """Work as the owner of the cache: what root made there, he could neither replace nor remove."""
    uid = os.lstat(cache).st_uid
    if os.geteuid() != 0 or uid == 0:
        return
    try:
        entry = pwd.getpwuid(uid)
        group, home = entry.pw_gid, entry.pw_dir
    except KeyError:
        group, home = NOBODY, "/"
    ready()
    process.become(uid, group)
    os.environ["HOME"] = home
    # pip asks where it is, and root's home is closed to it.
    os.chdir("/")


Op = Callable[[str, List[Lock], Dict[str, Any]], Dict[str, Any]]
OPS: Dict[str, Op] = {"fetch": fetch, "list": listing, "pack": pack, "prune": prune, "verify": verify}
