"""Which names a host may send: no way out of a map, no .git in any spelling, nothing that a disk would fold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dgops.git.spelling import fold, is_git

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

MAX_PATH, MAX_NAME, MAX_DEPTH = 1000, 255, 60  # bytes, bytes of one part, parts
# Also marks that turn the direction of text, and halves of characters.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# Git reads these itself; as a link they would let it read something else.
READ_BY_GIT = {".gitattributes", ".gitignore", ".gitmodules", ".mailmap"}
# dgops' own: the marker of a mapped folder, and what it writes before it renames.
OWN = re.compile(r"\.dgops-[^/]+\.(json|part)")
# Most paths: no part begins with a dot, and nothing is in them that any rule asks for. Asked of every path, often.
PLAIN = re.compile(r"[\w+@=,-][\w+@=,.-]*(?:/[\w+@=,-][\w+@=,.-]*)*", re.ASCII)


def refusal(path: str) -> str | None:
    """Return why a path below a map may not come home, None where it may."""
    if len(path) <= MAX_NAME and path.count("/") < MAX_DEPTH and PLAIN.fullmatch(path):
        return None
    return _refusal(path)


def _refusal(path: str) -> str | None:
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "leads out of its map"
    if CONTROL.search(path):
        return "control characters in the name"
    if len(path.encode()) > MAX_PATH or any(len(part.encode()) > MAX_NAME for part in parts) or len(parts) > MAX_DEPTH:
        return "an absurdly long name"
    if "\\" in path:
        return "a backslash in the name"
    if any(is_git(part) for part in parts):
        return "a spelling of .git"
    return "a name that dgops keeps for itself" if any(OWN.fullmatch(part) for part in parts) else None


def link_refusal(path: str, target: str) -> str | None:
    """Return why a link below a map may not come home, None where it stays inside.

    `..` may only lead, from the link's own folder, which is no link itself: a later one could pass through another
    link, and out.
    """
    parts = target.split("/")
    up = next((count for count, part in enumerate(parts) if part != ".."), len(parts))
    if target.startswith("/") or up > path.count("/") or ".." in parts[up:]:
        return f"a link out of its map (to {shortened(target)})"
    if path.rpartition("/")[2].casefold() in READ_BY_GIT:
        return "a link where git reads a file"
    inner = [part for part in parts[up:] if part not in ("", ".")]
    if inner and (why := refusal("/".join(inner))):
        return f"a link to {why}"
    return None


def folded(paths: Iterable[str], tracked: Collection[str]) -> dict[str, str]:
    """Return the paths that some file system would fold together with another one, and with which.

    Paths that the repository tracks stay: whoever made them knew.
    """
    everything = set(paths)
    spellings: dict[str, set[str]] = {}
    for prefix in everything | folders_of(everything):
        spellings.setdefault(fold(prefix), set()).add(prefix)
    twins = {one: same - {one} for same in spellings.values() if len(same) > 1 for one in same}
    found: dict[str, str] = {}
    for path in everything - set(tracked) if twins else ():
        twin = next((prefix for prefix in _prefixes(path) if prefix in twins), None)
        if twin:
            found[path] = f"the same name as {min(twins[twin])} on some disks"
    return found


def shortened(text: str, most: int = 80) -> str:
    """Return a host's text as one line, cut to a length that fits it."""
    text = " ".join(text[: most * 4].splitlines())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def under(path: str, folders: Mapping[str, object] | Collection[str]) -> bool:
    """Return whether a path is one of the folders or lies below one."""
    if not folders:
        return False
    return any(prefix in folders for prefix in _prefixes(path))


def folders_of(paths: Iterable[str]) -> set[str]:
    """Return every folder that some of the paths lie in, at whatever depth."""
    found: set[str] = set()
    for path in paths:
        end = path.rfind("/")
        # Whose folder is known, whose parents are.
        while end > 0 and path[:end] not in found:
            found.add(path[:end])
            end = path.rfind("/", 0, end)
    return found


def _prefixes(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]
