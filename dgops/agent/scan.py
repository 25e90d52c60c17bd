"""What mapped folders hold: every file with git's id of it, remembered by its stat; no link is followed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import stat
import tempfile
import time
from typing import Any, Dict, List, Optional, Tuple

from dgops.agent import beneath

# What follows is never sent: git's own, and dgops' markers and half-written files.
OWN = re.compile(r"\.dgops-[^/]+\.(json|part)")
GIT = ".git"
PLAIN = re.compile(r"[\w./ +@=,-]*", re.ASCII)
DEEPEST = 60
LONGEST_ANSWER = 6 << 20
MARKER_BYTES = 4096
# A file younger than the scan by less than this may change again without its time changing.
RACY_NS = 2 * 10**9
POD = re.compile(r"[A-Za-z0-9._-]{1,64}")


class TooMuch(Exception):  # noqa: N818 - an answer, not an accident
    """A map holds more than a scan may return."""


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Look at mapped folders.

    The request holds `maps` (each `name` and absolute `path`), `seconds`, `max_bytes` of a file, `max_entries` of
    all maps, and `prune`: names of folders that are only named in the answer. The answer holds `pod` and under
    `maps` by name: `root` (tree, absent or refused), `reason`, `marker`, and for a tree `entries` [path, mode, id,
    size, target], `odd` [path, kind, detail], `pruned` [path] and `wide`: every file may be run by everybody, as on a
    disk that holds no permissions.
    """
    scan = Scan(request)
    found = {}
    try:
        for one in request["maps"]:
            found[one["name"]] = scan.look(one["path"])
    except TooMuch as error:
        return {"refused": str(error), "pod": pod_id()}
    return {"pod": pod_id(), "maps": found}


class Scan:
    """One look at several folders, within one deadline and one limit."""

    def __init__(self, request: Dict[str, Any]) -> None:
        self.until = time.monotonic() + float(request["seconds"])
        self.max_bytes = int(request["max_bytes"])
        self.left = int(request["max_entries"])
        self.room = LONGEST_ANSWER
        self.prune = set(request.get("prune", ()))
        self.entries: List[List[Any]] = []
        self.odd: List[List[str]] = []
        self.pruned: List[str] = []
        self.wide = True
        self.cache = Cache("")
        self.owner = 0

    def look(self, path: str) -> Dict[str, Any]:
        """Return what one mapped folder holds."""
        marker = read_marker(path)
        try:
            folder = beneath.open_folder(path)
        except FileNotFoundError:
            return {"root": "absent", "marker": marker}
        except beneath.Refused as error:
            return {"root": "refused", "reason": str(error), "marker": None}
        self.entries, self.odd, self.pruned = [], [], []
        self.wide = True
        self.cache = Cache(path)
        self.owner = os.fstat(folder).st_uid
        try:
            self._walk(folder, "", 0)
        except TooMuch:
            # What was hashed is hashed; the next look goes on from there.
            self.cache.fresh = {**self.cache.known, **self.cache.fresh}
            raise
        finally:
            os.close(folder)
            self.cache.save()
        return {
            "root": "tree",
            "marker": marker,
            "entries": self.entries,
            "odd": self.odd,
            "pruned": self.pruned,
            "wide": self.wide and bool(self.entries),
        }

    def _walk(self, folder: int, prefix: str, depth: int) -> None:
        for name in sorted(os.listdir(folder)):
            if name[0] == "." and (name == GIT or OWN.fullmatch(name)):
                continue
            if time.monotonic() > self.until:
                raise TooMuch("looking took too long; what was seen is remembered, so the next look is faster")
            path = prefix + name
            try:
                name.encode()
            except UnicodeEncodeError:
                self._note(os.fsencode(path).decode(errors="replace"), "name", "not UTF-8")
                continue
            try:
                self._entry(folder, name, path, depth)
            except FileNotFoundError:
                # It went away between two looks.
                continue
            except beneath.Refused as error:
                self._note(path, "busy", str(error))
            except OSError as error:
                self._note(path, "unreadable", error.strerror or type(error).__name__)

    def _entry(self, folder: int, name: str, path: str, depth: int) -> None:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            self._folder(folder, name, path, depth)
        elif stat.S_ISLNK(found.st_mode):
            target = os.fsencode(os.readlink(name, dir_fd=folder))
            text = target.decode(errors="replace")
            self._add([path, "120000", beneath.blob_id(target), len(target), text])
        elif not stat.S_ISREG(found.st_mode):
            self._note(path, "special", "neither file, folder nor link")
        elif beneath.is_foreign(found, self.owner):
            self._note(path, "special", "a hard link to a file of somebody else's")
        elif found.st_size > self.max_bytes:
            self._note(path, "large", str(found.st_size))
        else:
            object_id, found = self.cache.get(path, found) or beneath.hash_file(folder, name)
            self.cache.put(path, found, object_id)
            self.wide = self.wide and stat.S_IMODE(found.st_mode) == 0o777
            self._add([path, beneath.mode_of(found), object_id, found.st_size, ""])

    def _folder(self, folder: int, name: str, path: str, depth: int) -> None:
        if name in self.prune:
            self._spend(path)
            self.pruned.append(path)
            return
        if depth >= DEEPEST:
            self._note(path, "deep", "more than {} folders deep".format(DEEPEST))
            return
        below = beneath.open_below(folder, (name,))
        try:
            self._walk(below, path + "/", depth + 1)
        finally:
            os.close(below)

    def _add(self, entry: List[Any]) -> None:
        self._spend(entry[0] + entry[4])
        self.entries.append(entry)

    def _note(self, path: str, kind: str, detail: str) -> None:
        self._spend(path + detail)
        self.odd.append([path[:4096], kind, detail])

    def _spend(self, text: str) -> None:
        self.left -= 1
        # As JSON a character can take six bytes; of most names each takes one.
        self.room -= 92 + (len(text) if PLAIN.fullmatch(text) else len(json.dumps(text)))
        if self.left < 0 or self.room < 0:
            raise TooMuch("more files than one sync looks at; map a narrower folder")


class Cache:
    """What files had which id, beside their stat; kept for root alone, and none where that cannot be."""

    def __init__(self, root: str) -> None:
        self.place = self._place(root) if root else None
        self.began = time.time_ns()
        self.fresh: Dict[str, List[Any]] = {}
        self.known: Dict[str, List[Any]] = {}
        if self.place:
            try:
                with open(self.place) as stream:
                    known = json.load(stream)
                if isinstance(known, dict) and known.get("root") == root:
                    self.known = known["files"]
            except (OSError, ValueError, KeyError):
                self.known = {}
        self.root = root

    @staticmethod
    def _place(root: str) -> Optional[str]:
        folder = os.path.join(os.path.expanduser("~"), ".cache", "dgops", "scan")
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            found = os.lstat(folder)
        except OSError:
            return None
        # Somebody else's folder could name an id for a file that it is not.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return None
        return os.path.join(folder, hashlib.sha256(os.fsencode(root)).hexdigest()[:32] + ".json")

    def get(self, path: str, found: os.stat_result) -> Optional[Tuple[str, os.stat_result]]:
        """Return the id of a file that is as it was, None where it has to be read."""
        known = self.known.get(path)
        if not isinstance(known, list) or len(known) != 2 or known[0] != list(beneath.signature(found)):
            return None
        return str(known[1]), found

    def put(self, path: str, found: os.stat_result, object_id: str) -> None:
        """Remember a file, unless it changed so lately that it could change again unseen."""
        if max(found.st_mtime_ns, found.st_ctime_ns) + RACY_NS < self.began:
            self.fresh[path] = [list(beneath.signature(found)), object_id]

    def save(self) -> None:
        """Write what was seen; a full disk only makes the next look slower."""
        if not self.place or self.fresh == self.known:
            return
        temporary = ""
        try:
            descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(self.place))
            with os.fdopen(descriptor, "w") as stream:
                json.dump({"root": self.root, "files": self.fresh}, stream)
            os.replace(temporary, self.place)
        except OSError:
            if temporary and os.path.exists(temporary):
                os.unlink(temporary)


def marker_place(path: str) -> Tuple[str, str]:
    """Return the folder and the name of a mapped folder's marker: beside it, but on its own disk.

    A disk that is mounted there may be another one tomorrow, and then its marker must go with it.
    """
    parent, name = os.path.split(path.rstrip("/"))
    file = ".dgops-{}.json".format(name)
    return (path, file) if os.path.ismount(path) else (parent or "/", file)


def read_marker(path: str) -> Optional[Dict[str, Any]]:
    """Return a mapped folder's marker, None where there is none that can be read."""
    return beneath.read_record(*marker_place(path), MARKER_BYTES)


def pod_id() -> str:
    """Return what the host calls itself: the pod's id where its first process was given one, else its name."""
    name = ""
    try:
        with open("/proc/1/environ", "rb") as stream:
            for one in stream.read(1 << 20).split(b"\0"):
                if one.startswith(b"RUNPOD_POD_ID="):
                    name = one.partition(b"=")[2].decode(errors="replace")
    except OSError:
        name = ""
    return next((one for one in (name, socket.gethostname()) if POD.fullmatch(one)), "unknown")
