"""File names that every system takes, made from names that any system may have given."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# Words and numbers of any script with single blanks between them: a comma would end the trigger inside a caption.
TRIGGER = re.compile(r"\w[\w.-]*(?: \w[\w.-]*)*")
LONGEST_TRIGGER = 64
LONGEST_STEM = 48
# Windows opens a device for each of these, whatever the ending.
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
# Control characters, marks that turn the direction of text, and halves of characters.
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def slug_problem(slug: str) -> str:
    """Return what is wrong with a slug, or nothing."""
    if slug.lower() in RESERVED:
        return f"the slug {slug!r} is a device's name on Windows"
    if not SLUG.fullmatch(slug):
        return f"the slug {shown(slug)!r} cannot be a folder's name everywhere: letters, digits, - and _, 64 at most"
    return ""


def trigger_problem(trigger: str) -> str:
    """Return what is wrong with a trigger word, or nothing."""
    if len(trigger) > LONGEST_TRIGGER or not TRIGGER.fullmatch(trigger) or UNSEEN.search(trigger):
        return f"the trigger {shown(trigger)!r} is no word: letters, digits, - _ and . and no comma or quote"
    return ""


def shown(text: str) -> str:
    """Return text on one line, without characters that no terminal or file should be given."""
    return UNSEEN.sub("?", text)


def safe_stem(path: str) -> str:
    """Return a stem that every file system takes: ASCII letters, digits, - and _, never a device's name."""
    stem = PurePosixPath(path).stem
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    kept = re.sub(r"[^A-Za-z0-9-]+", "_", plain).strip("_-")[:LONGEST_STEM].strip("_-")
    return f"image-{kept}" if kept.lower() in RESERVED else kept or "image"


def safe_stems(paths: Sequence[str]) -> dict[str, str]:
    """Return a stem for each path, no two equal even where capitals do not count.

    Those that would be equal get the digest of their own path, whatever else stands beside them.
    """
    stems = {path: safe_stem(path) for path in paths}
    for length in (6, 16, 64):
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for path, stem in stems.items():
            groups[stem.lower()].append(path)
        for path in (one for group in groups.values() if len(group) > 1 for one in group):
            digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()
            stems[path] = f"{safe_stem(path)}-{digest[:length]}"
    return stems
