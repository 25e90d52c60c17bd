"""How file systems read a name that a host offers: spellings of .git, and names that are one name on some disks."""

from __future__ import annotations

import re
import unicodedata

# HFS+ leaves these out when it compares names.
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
# What NTFS calls .git where it gives short names.
SHORT = re.compile(r"git~\d+")


def is_git(name: str) -> bool:
    """Return whether some file system would take this name for .git."""
    seen = INVISIBLE.sub("", unicodedata.normalize("NFKC", name)).casefold()
    # A stream or backslash ends the name for NTFS, which then drops dots and blanks at its end.
    seen = re.split(r"[:\\]", seen)[0].rstrip(". ")
    return seen == ".git" or bool(SHORT.fullmatch(seen))


def fold(path: str) -> str:
    """Return what a path becomes where case, composition and invisible characters count for nothing."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", INVISIBLE.sub("", path)).casefold())
