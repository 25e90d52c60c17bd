"""What a wheel cache knows of its files: their digests, their sizes and times then, and the wheels of each lock."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import sys
from typing import Any, Dict, List, Optional, Set

NAME = ".dgops-wheels.json"
LARGEST = 8 << 20
Note = Dict[str, Any]


def key(digest: str) -> str:
    """Return what a lock's wheels are kept under: other Pythons on the same volume have other wheels."""
    return "{} {} {}".format(digest, sys.implementation.cache_tag, platform.machine())


def text_digest(text: str) -> str:
    """Return the sha256 of a lock's text in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def show_to_all(descriptor: int) -> None:
    """Let everybody read a file; on a Windows drive it is another user's from the start, and everybody's anyway."""
    with contextlib.suppress(PermissionError):
        os.fchmod(descriptor, 0o644)


class Notes:
    """The notes of one cache: files by name, wheels by lock, seeds. Lost or damaged ones are made again by hashing."""

    def __init__(self, cache: str) -> None:
        self.cache = cache
        self._files: Dict[str, Note] = {}
        self._locks: Dict[str, List[str]] = {}
        self._seeds: Optional[List[str]] = None
        self._gone: Set[str] = set()
        self._read = self._load()

    @property
    def files(self) -> Dict[str, Note]:
        """The notes of all files, those made here included."""
        kept = {name: note for name, note in self._read["files"].items() if name not in self._gone}
        return {**kept, **self._files}

    @property
    def seeds(self) -> List[str]:
        """The names of the wheels that a controller put here."""
        found: List[str] = self._read["seeds"] if self._seeds is None else self._seeds
        return found

    def wheels(self, digest: str) -> Optional[List[str]]:
        """Return the names of the files of a lock, None where it was never fetched by this Python."""
        found: Optional[List[str]] = {**self._read["locks"], **self._locks}.get(key(digest))
        return found

    def believed(self, name: str) -> Optional[str]:
        """Return the digest of a file that has not been touched since it was noted, else None."""
        note = self.files.get(name)
        if not isinstance(note, dict):
            return None
        seen = stamp(os.path.join(self.cache, name))
        same = seen is not None and seen == {one: note.get(one) for one in seen}
        return str(note.get("sha256")) if same else None

    def note(self, name: str, digest: str, inside: str = "") -> None:
        """Note a file's digest with its size and time of now; of an archive, a digest of what is inside too."""
        seen = stamp(os.path.join(self.cache, name))
        note = {"sha256": digest, **(seen or {}), **({"inside": inside} if inside else {})}
        if seen is not None and self.files.get(name) != note:
            self._files[name] = note

    def note_lock(self, digest: str, names: List[str]) -> None:
        """Note which files a lock has here."""
        if self.wheels(digest) != sorted(names):
            self._locks[key(digest)] = sorted(names)

    def note_seeds(self, names: List[str]) -> None:
        """Note which wheels a controller put here."""
        if self.seeds != sorted(names):
            self._seeds = sorted(names)

    def forget(self, name: str) -> None:
        """Drop the note of a file that is gone."""
        self._files.pop(name, None)
        self._gone.add(name)

    def changed(self) -> bool:
        """Say whether there is anything to save."""
        return bool(self._files or self._locks or self._seeds is not None or self._gone & set(self._read["files"]))

    def save(self, temporary: str) -> None:
        """Write the notes through a temporary name on the same file system; what others wrote meanwhile is kept."""
        if not self.changed():
            return
        self._read = self._load()
        text = {
            "files": self.files,
            "locks": {**self._read["locks"], **self._locks},
            "seeds": self.seeds,
        }
        with open(temporary, "w") as stream:
            show_to_all(stream.fileno())
            json.dump(text, stream, indent=0, sort_keys=True)
        os.replace(temporary, os.path.join(self.cache, NAME))
        self._read = self._load()
        self._files, self._locks, self._seeds, self._gone = {}, {}, None, set()

    def _load(self) -> Dict[str, Any]:
        """Return the notes on disk: whoever may write the cache may have put anything there."""
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(os.path.join(self.cache, NAME), flags), "rb") as stream:
                read = json.loads(stream.read(LARGEST))
        except (OSError, ValueError, RecursionError):
            read = {}
        read = read if isinstance(read, dict) else {}
        files, locks = read.get("files"), read.get("locks")
        return {
            "files": {name: note for name, note in files.items() if plain(name)} if isinstance(files, dict) else {},
            "locks": {one: plain_names(names) for one, names in locks.items()} if isinstance(locks, dict) else {},
            "seeds": plain_names(read.get("seeds")),
        }


def plain(name: Any) -> bool:
    """Say whether this is the name of a file in the cache, and of nothing elsewhere."""
    return isinstance(name, str) and os.path.basename(name) == name and name not in ("", ".", "..") and "\0" not in name


def plain_names(names: Any) -> List[str]:
    """Return the names among what may be anything."""
    return [name for name in names if plain(name)] if isinstance(names, list) else []


def stamp(path: str) -> Optional[Dict[str, int]]:
    """Return what changes when anybody touches a file, None where there is no plain file."""
    if os.path.islink(path) or not os.path.isfile(path):
        return None
    status = os.stat(path)
    return {"size": status.st_size, "changed": status.st_ctime_ns}


def seen(check: Dict[str, Any]) -> Dict[str, Any]:
    """Observe whether a cache holds the wheels of `locks` (name → sha256 of its text) and the `seeds`, by the notes.

    Reads no wheel: a file whose size and time are those of its note is taken for what was hashed then.
    """
    notes = Notes(check["path"])
    wanted: Set[str] = set(check.get("seeds", "").split())
    unknown = []
    for name, digest in check["locks"].items():
        names = notes.wheels(digest)
        if names is None:
            unknown.append(name)
        wanted.update(names or ())
    lost = sorted(name for name in wanted if notes.believed(name) is None)
    missing = [name for name in lost if not os.path.lexists(os.path.join(check["path"], name))]
    return {
        "unknown": sorted(unknown),
        "missing": missing,
        "touched": [name for name in lost if name not in missing],
        "count": len(wanted),
    }
