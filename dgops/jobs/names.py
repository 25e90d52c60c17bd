"""Names of files as they may be taken from a person or a host: none leads out of its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.git.spelling import fold, is_git

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_PART = 255
LONGEST = 4000


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
    inside = any(is_git(part) for part in path.split("/"))
    return complaint(path) or ("reaches into .git" if inside else "")


def clashing(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of paths, or of their folders, that are one name on a file system that folds names."""
    seen: dict[str, str] = {}
    pairs: dict[tuple[str, str], None] = {}
    for path in paths:
        parts = path.split("/")
        for length in range(1, len(parts) + 1):
            name = "/".join(parts[:length])
            other = seen.setdefault(fold(name), name)
            if other != name:
                pairs[other, name] = None
    return list(pairs)
