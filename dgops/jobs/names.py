"""Names of files as they may be taken from a person or a host: none leads out of its folder."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_PART = 255
LONGEST = 4000
# Characters that some file systems leave out of a name: with them, .git has many spellings.
IGNORED = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])


def complaint(path: str) -> str:
    """Return what is wrong with a relative path, nothing where it may be used."""
    if not path or path.startswith("/"):
        return "is not a relative path"
    if len(path) > LONGEST:
        return "is too long"
    if any(ord(one) < 32 or ord(one) == 127 or 0xD800 <= ord(one) <= 0xDFFF for one in path):
        return "holds characters that no name should"
    if "\\" in path:
        return "holds a backslash, which parts folders elsewhere"
    return next((words for part in path.split("/") if (words := _part(part))), "")


def _part(part: str) -> str:
    if part in ("", ".", ".."):
        return "leads out of its folder, or has an empty part"
    return "is too long" if len(part.encode()) > LONGEST_PART else ""


def hostile(path: str) -> str:
    """Return what is wrong with a relative path that a host offers, nothing where it may be written here."""
    return complaint(path) or next((words for part in path.split("/") if (words := _git(part))), "")


def _git(part: str) -> str:
    plain = folded(part).rstrip(". ")
    return "reaches into .git" if plain == ".git" or plain.startswith("git~") else ""


def folded(path: str) -> str:
    """Return what a file system that ignores case and composition makes of a path."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).translate(IGNORED).casefold())


def clashing(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of paths, or of their folders, that are one name on a file system that folds names."""
    seen: dict[str, str] = {}
    pairs: dict[tuple[str, str], None] = {}
    for path in paths:
        parts = path.split("/")
        for length in range(1, len(parts) + 1):
            name = "/".join(parts[:length])
            other = seen.setdefault(folded(name), name)
            if other != name:
                pairs[other, name] = None
    return list(pairs)
