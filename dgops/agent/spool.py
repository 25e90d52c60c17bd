"""Edits of mapped folders that home does not have, kept on the disk that outlives this container."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import time
import uuid
from typing import Any, Dict, List, Optional, Tuple

from dgops.agent import beneath, scan

# Below the persistent root, and beside the jobs: those are their own user's.
FOLDER = "dgops-spool"
EDITS = "edits.json"
TREE = "tree"
MOST_FILE, MOST_BYTES, MOST_ENTRIES = 50 << 20, 1 << 30, 40000
# The volume is somebody's: the spool never takes the last of it.
SPARE = 512 << 20
SECONDS = 60.0
LARGEST = 32 << 20
PRUNE = ("node_modules", ".venv", "venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox")

Kept = Dict[str, Any]
Edit = List[str]


def remember(path: str, marker: Dict[str, Any], keep: Dict[str, Any]) -> bool:
    """Note what home and this folder agreed on; returns whether all of it is known now.

    `keep` holds `name` (of the map), `root` (the persistent root) and `entries`: path → [mode, id] as they lie here.
    With `since`, a base, entries are only what is other than was noted for that one (null: no longer agreed on).
    """
    folder = _notes()
    if folder is None:
        return True
    entries = keep["entries"]
    if keep.get("since"):
        before = _noted(os.path.join(folder, _name(path)))
        if (before.get("id"), before.get("base")) != (marker["id"], keep["since"]):
            return False
        merged = {**before["entries"], **entries}
        entries = {path: one for path, one in merged.items() if one}
    noted = {"path": path, "id": marker["id"], "base": marker["base"], "name": keep["name"], "root": keep["root"]}
    noted["entries"] = entries
    temporary = os.path.join(folder, ".{}.new".format(uuid.uuid4().hex))
    with open(temporary, "w") as stream:
        json.dump(noted, stream)
    os.replace(temporary, os.path.join(folder, _name(path)))
    return True


def known() -> List[Kept]:
    """Return what is noted of every mapped folder of this host."""
    folder, found = _notes(make=False), []
    for name in sorted(os.listdir(folder)) if folder else ():
        found.append(_noted(os.path.join(folder or "", name)))
    return [one for one in found if one]


def _noted(path: str) -> Kept:
    try:
        with open(path) as stream:
            noted = json.load(stream)
        return noted if isinstance(noted, dict) and isinstance(noted.get("entries"), dict) else {}
    except (OSError, ValueError):
        return {}


def save(kept: Kept, spare: Optional[int] = None) -> Optional[int]:
    """Bring the spool of one mapped folder up to date; returns how many edits it holds, None where nobody can tell.

    Whole files go first, then the list of them, then what the list no longer names: killed anywhere, what the list
    names is there; `spare` is the room that it leaves on the disk, SPARE unless said. Raises OSError where that is full
    or gone.
    """
    look = scan.Scan({"seconds": SECONDS, "max_bytes": MOST_FILE, "max_entries": MOST_ENTRIES, "prune": PRUNE})
    try:
        seen = look.look(kept["path"])
    except scan.TooMuch:
        return None
    marker = seen["marker"]
    if seen["root"] != "tree" or not isinstance(marker, dict) or marker.get("id") != kept["id"]:
        # Another replica: what is spooled is of the one that was agreed with.
        return None
    edits, gone, sizes = _differences(kept["entries"], seen, marker.get("modes") is not False)
    place = _place(kept["root"], kept["id"])
    before = read(place)
    if not edits and not gone:
        if before is not None:
            _remove(place)
        return 0
    if before is not None and (before["edits"], before["gone"], before["base"]) == (edits, gone, kept["base"]):
        return len(edits) + len(gone)
    fitting = _fitting(edits, sizes, kept["entries"], _room(kept["root"], SPARE if spare is None else spare))
    _write(place, kept, fitting, {"gone": gone, "all": len(edits)}, before["edits"] if before else {})
    return len(edits) + len(gone)


def left(kept: Kept) -> int:
    """Return how many edits of a mapped folder its spool had no room for."""
    record = read(_place(kept["root"], kept["id"]))
    return int(record["all"]) - len(record["edits"]) if record else 0


def _differences(
    base: Dict[str, Edit], seen: Dict[str, Any], modes: bool
) -> Tuple[Dict[str, Edit], List[str], Dict[str, int]]:
    """Return what is new or other than agreed (path → [mode, id, target]), what is gone, and sizes."""
    now = {path: [mode, number, target] for path, mode, number, _, target in seen["entries"]}
    sizes = {path: size for path, _, _, size, _ in seen["entries"]}
    edits = {}
    for path, one in now.items():
        was = base.get(path)
        if was is None or was[1] != one[1] or (modes and was[0] != one[0]):
            edits[path] = one
    blind = set(seen["pruned"]) | {path for path, _, _ in seen["odd"]}
    gone = sorted(path for path in base if path not in now and not _under(path, blind))
    return edits, gone, sizes


def _under(path: str, folders: Any) -> bool:
    parts = path.split("/")
    return any("/".join(parts[: count + 1]) in folders for count in range(len(parts)))


def _room(root: str, spare: int) -> int:
    disk = os.statvfs(root)
    return min(MOST_BYTES, disk.f_bavail * disk.f_frsize - spare)


def _fitting(edits: Dict[str, Edit], sizes: Dict[str, int], base: Dict[str, Edit], room: int) -> Dict[str, Edit]:
    """Return the edits that there is room for: files that home knows first, then the small ones."""
    fitting = {}
    for path in sorted(edits, key=lambda one: (one not in base, sizes[one])):
        room -= sizes[path]
        if room < 0:
            break
        fitting[path] = edits[path]
    return fitting


def _write(place: str, kept: Kept, edits: Dict[str, Edit], rest: Dict[str, Any], old: Dict[str, Edit]) -> None:
    source = beneath.open_folder(kept["path"])
    target = beneath.open_folder(place + "/" + TREE, make=True)
    try:
        written = {}
        for path, one in edits.items():
            held = one[0] == "120000" or (path in old and old[path][1:] == one[1:])
            # What cannot be read whole now is read in the next round.
            if held or _copy(source, target, path, one):
                written[path] = one
        listed = {"map": kept["name"], "path": kept["path"], "id": kept["id"], "base": kept["base"]}
        _list(place, {**listed, **rest, "at": time.time(), "pod": scan.pod_id(), "edits": written})
        for path in set(old) - set(written):
            with contextlib.suppress(OSError, beneath.Refused):
                _unlink(target, path)
    finally:
        os.close(source)
        os.close(target)


def _copy(source: int, target: int, path: str, one: Edit) -> bool:
    content = beneath.read_part(source, path, 0, MOST_FILE + 1)
    if content is None or beneath.blob_id(content) != one[1]:
        return False
    names = beneath.names_of(path)
    try:
        folder = beneath.open_below(target, names[:-1], make=True)
    except beneath.Refused:
        _make_way(target, names[:-1])
        folder = beneath.open_below(target, names[:-1], make=True)
    try:
        with contextlib.suppress(OSError):
            if stat.S_ISDIR(os.stat(names[-1], dir_fd=folder, follow_symlinks=False).st_mode):
                shutil.rmtree("/proc/self/fd/{}/{}".format(folder, names[-1]))
        beneath.replace_file(folder, names[-1], content)
    finally:
        os.close(folder)
    return True


def _make_way(target: int, names: Tuple[str, ...]) -> None:
    """Remove the file of an older round that stands where a folder is to be."""
    for count in range(1, len(names) + 1):
        path = "/proc/self/fd/{}/{}".format(target, "/".join(names[:count]))
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return


def _unlink(root: int, path: str) -> None:
    names = beneath.names_of(path)
    folder = beneath.open_below(root, names[:-1])
    try:
        os.unlink(names[-1], dir_fd=folder)
    finally:
        os.close(folder)


def _list(place: str, record: Dict[str, Any]) -> None:
    folder = beneath.open_folder(place, make=True)
    try:
        beneath.replace_file(folder, EDITS, json.dumps(record).encode())
        os.fsync(folder)
    finally:
        os.close(folder)


def read(place: str) -> Optional[Dict[str, Any]]:
    """Return the list of a spool, None where there is none that can be read."""
    record = beneath.read_record(place, EDITS, LARGEST) or {}
    shapes = {"edits": dict, "gone": list, "base": str}
    return record if all(isinstance(record.get(name), shape) for name, shape in shapes.items()) else None


def listed(root: str) -> List[Dict[str, Any]]:
    """Return the list of every spool on a persistent root, the newest last; each says where its `tree` lies."""
    top = os.path.join(root, FOLDER)
    found = []
    for name in sorted(os.listdir(top)) if os.path.isdir(top) else ():
        record = read(os.path.join(top, name))
        if record is not None and record.get("id") == name:
            found.append({**record, "tree": os.path.join(top, name, TREE)})
    return sorted(found, key=lambda one: str(one.get("at")))


def drop(root: str, number: str) -> None:
    """Remove a spool whose edits are home."""
    _remove(_place(root, number))


def _remove(place: str) -> None:
    """Remove a spool: its list first, so that no half of it is ever given back."""
    try:
        folder = beneath.open_folder(place)
    except (OSError, beneath.Refused):
        return
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(EDITS, dir_fd=folder)
        shutil.rmtree("/proc/self/fd/{}/{}".format(folder, TREE), ignore_errors=True)
        for name in os.listdir(folder):
            os.unlink(name, dir_fd=folder)
    finally:
        os.close(folder)
    with contextlib.suppress(OSError):
        os.rmdir(place)


def _place(root: str, number: str) -> str:
    if not (len(number) == 32 and set(number) <= set("0123456789abcdef")):
        raise beneath.Refused("{!r} is no spool".format(number[:80]))
    return os.path.join(root, FOLDER, number)


def _name(path: str) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:32] + ".json"


def _notes(make: bool = True) -> Optional[str]:
    """Return the folder of notes, on the container's own disk: with it the replica goes that they are about."""
    folder = os.path.join(os.path.expanduser("~"), ".cache", "dgops", "replicas")
    try:
        if make:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError:
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        return None
    return folder
