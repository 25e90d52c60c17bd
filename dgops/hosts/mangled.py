"""Paths that were mangled on their way from Windows, and what they most likely were."""

from __future__ import annotations

import os
import re

# What a shell's or YAML's double quotes make of \t, \n and their like.
CONTROLS = {"\a": r"\a", "\b": r"\b", "\t": r"\t", "\n": r"\n", "\v": r"\v", "\f": r"\f", "\r": r"\r", "\x1b": r"\e"}
QUOTES = "\"'"
LINK = re.compile(r"^file:/{2,3}(?=[A-Za-z]:)", re.IGNORECASE)
# C:/Program Files/Git/mnt/c/x is what Git's shell makes of /mnt/c/x before a Windows program sees it.
TWICE = re.compile(
    r"^[A-Za-z]:[\\/](?:Program Files[\\/]Git[\\/])?mnt[\\/]([A-Za-z])(?=[\\/]|$)(.*)$", re.DOTALL | re.I
)
WHOLE = re.compile(r"^([A-Za-z]):(?:[\\/](.*))?$", re.DOTALL)
GLUED = re.compile(r"^([A-Za-z]):([^\\/].*)$", re.DOTALL)
# \\wsl$\Debian\home that lost one of its first two.
DISTRO = re.compile(r"^[\\/]wsl(?:\$|\.localhost)[\\/]+[^\\/]+(.*)$", re.IGNORECASE | re.DOTALL)
# /mnt/c:/x, /mnt/C/x, \mnt\c\x; /c/x of Git's shell; /cygdrive/c/x.
MOUNTED = re.compile(r"^([\\/]mnt[\\/]|[\\/]cygdrive[\\/]|[\\/])([A-Za-z])(:?)(?=[\\/]|$)(.*)$", re.DOTALL)
DEEPEST = 32


def likely(text: str, mount: str) -> str | None:
    """Return the path that a mangled one most likely stood for; None where it looks like none, or nobody can tell."""
    plain = LINK.sub("", "".join(CONTROLS.get(letter, letter) for letter in text).strip().strip(QUOTES))
    if twice := TWICE.match(plain):
        return _under(mount, twice[1], twice[2])
    if distro := DISTRO.match(plain):
        return "/" + _slashes(distro[1])
    if mounted := MOUNTED.match(plain):
        found = _under(mount, mounted[2], mounted[4])
        return None if found == text or _is_meant(mounted) else found
    if glued := GLUED.match(plain):
        return _under(mount, glued[1], _parted(f"{mount.rstrip('/')}/{glued[1].lower()}", glued[2]))
    if whole := WHOLE.match(plain):
        return _under(mount, whole[1], whole[2] or "") if plain != text else None
    # \Users\x names no drive; the one that Windows lies on is the best guess.
    return _under(mount, "c", plain) if re.match(r"\\[^\\]", plain) else None


def _is_meant(mounted: re.Match[str]) -> bool:
    """Return whether a path is none of Windows': its first folders are there as typed, or it is a mere /w."""
    short = mounted[1] == "/" and not mounted[3] and not mounted[4].strip("/")
    return short or ("\\" not in mounted[0] and os.path.lexists(f"{mounted[1]}{mounted[2]}{mounted[3]}"))


def _under(mount: str, drive: str, rest: str) -> str:
    return f"{mount.rstrip('/')}/{drive.lower()}/{_slashes(rest)}".rstrip("/")


def _slashes(text: str) -> str:
    return "/".join(part for part in re.split(r"[\\/]+", text) if part)


def _parted(folder: str, rest: str) -> str:
    """Return names that ran together as a path again, by what is there: Usersseanf is Users/seanf."""
    found: list[str] = []
    while rest and len(found) < DEEPEST:
        name = _first_name("/".join([folder, *found]), rest)
        if not name and not found and rest.lower().startswith("users"):
            # Nothing is mounted here; this one is on every Windows.
            name = rest[:5]
        if not name:
            break
        found.append(name)
        rest = rest[len(name) :].lstrip("\\/")
    return "/".join([*found, rest])


def _first_name(folder: str, rest: str) -> str:
    try:
        names = os.listdir(folder)
    except OSError:
        return ""
    # As Windows does, without looking at the case.
    fitting = [name for name in names if rest.lower().startswith(name.lower())]
    return max(fitting, key=len, default="")
