"""What git keeps of a file, and the ids that follow from it: pure values."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE, PROGRAM, LINK, SUBMODULE = "100644", "100755", "120000", "160000"


class Entry(NamedTuple):
    """One path of a tree: git's mode and the id of its blob; a tuple, since ten thousand are made and compared."""

    mode: str
    id: str


def blob_id(content: bytes) -> str:
    """Return the id that git gives to these bytes as a blob."""
    return _object_id(b"blob", content)


def tree_id(entries: Mapping[str, Entry]) -> str:
    """Return the id of the git tree that holds these paths, folders and all; nothing is written."""
    folders: dict[str, dict[str, Entry]] = {}
    here: dict[str, Entry] = {}
    for path, entry in entries.items():
        name, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(name, {})[rest] = entry
        else:
            here[name] = entry
    # Git sorts a folder as if its name ended with a slash.
    rows = [(_raw(name), entry.mode, entry.id) for name, entry in here.items()]
    rows += [(_raw(name) + b"/", "40000", tree_id(inner)) for name, inner in folders.items()]
    body = b"".join(
        mode.encode() + b" " + key.rstrip(b"/") + b"\0" + bytes.fromhex(object_id)
        for key, mode, object_id in sorted(rows)
    )
    return _object_id(b"tree", body)


def _raw(name: str) -> bytes:
    return name.encode(errors="surrogateescape")


def _object_id(kind: bytes, body: bytes) -> str:
    # Git's ids are SHA-1 by definition; nothing here relies on it against forgery.
    return hashlib.sha1(kind + b" %d\0" % len(body) + body, usedforsecurity=False).hexdigest()
