"""Windows paths and what they are called inside WSL."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path

from dgops.errors import UsageError
from dgops.hosts.mangled import TWICE, likely
from dgops.hosts.wsl_conf import mount_root

UNSEEN = "looks like a Windows path that lost its backslashes, or that WSL cannot see"
DRIVE = re.compile(r"^([A-Za-z]):(.*)$", re.DOTALL)
# \\?\C:\x, which Windows' own programs print for long paths.
LONG = re.compile(r"^\\\\\?\\(?=[A-Za-z]:)")
# \\wsl$\Distro\home and \\wsl.localhost\Distro\home, with either kind of slash.
DISTRO = re.compile(r"^[\\/]{2}wsl(?:\$|\.localhost)[\\/]+[^\\/]+(.*)$", re.IGNORECASE | re.DOTALL)
SHARE = re.compile(r"^(\\\\|//)[^\\/]+[\\/]")
# What Windows forbids.
FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*]')


def is_windows_path(path: str) -> bool:
    r"""Return whether path is Windows' way of writing: C:\x, C:/x, \\server\share, a folder\file."""
    return bool(DRIVE.match(path) or DISTRO.match(path) or SHARE.match(path) or "\\" in path)


def windows_to_wsl(path: str, mount: str | None = None) -> str | None:
    r"""Return the path's name inside WSL: C:\Users\x is /mnt/c/Users/x, \\wsl$\Distro\home\x is /home/x.

    Windows' drives are below mount, or where this distro's wsl.conf says. None where there is no name: a network
    share, a relative path, or a path that lost its backslashes on the way (C:Usersx is what a shell leaves of
    C:\Users\x). As on Windows, no .. leads above the drive.
    """
    distro = DISTRO.match(path)
    if distro:
        return _joined("", distro[1])
    drive = DRIVE.match(LONG.sub("", path))
    if not drive or (drive[2] and drive[2][0] not in "\\/"):
        return None
    root = mount_root() if mount is None else mount
    return _joined(f"{root.rstrip('/')}/{drive[1].lower()}", drive[2])


def wsl_to_windows(path: str, mount: str | None = None, slash: str = "\\") -> str | None:
    r"""Return what Windows calls a path under its drives: /mnt/c/AI is C:\AI, or C:/AI where slash is /.

    None for a path that is relative, on no drive, or cannot be written on Windows.
    """
    # Windows resolves .. by the letters, too.
    parts = posixpath.normpath(path).split("/") if path.startswith("/") else []
    root = [part for part in (mount_root() if mount is None else mount).split("/") if part]
    inner = [part for part in parts if part]
    drive, names = inner[len(root) : len(root) + 1], inner[len(root) + 1 :]
    if inner[: len(root)] != root or not drive or not re.fullmatch("[A-Za-z]", drive[0]):
        return None
    if any(FORBIDDEN.search(name) or "\\" in name for name in names):
        return None
    return f"{drive[0].upper()}:{slash}{slash.join(names)}"


def to_here(text: str, mount: str | None = None) -> Path:
    r"""Return the path that somebody typed, in this system's own form: C:\x is /mnt/c/x, photos\cats is photos/cats.

    Raises UsageError for a path that was mangled, naming the likely one; for a network share; for what can be no path.
    """
    root = mount_root() if mount is None else mount
    if not text or "\0" in text or not _encodable(text):
        raise UsageError(f"{text!r} is no path" if text else "an empty path", "write it as /mnt/c/… or ./folder")
    meant = likely(text, root)
    if not is_windows_path(text):
        if meant:
            raise UsageError(f"{text} is no path here: Windows' drives are below {root}", f"did you mean {meant}?")
        return Path(os.path.expanduser(text) if text == "~" or text.startswith("~/") else text)
    translated = None if TWICE.match(text) else windows_to_wsl(text, root) or _relative(text)
    if translated is None:
        question = f"did you mean {meant}? " if meant else ""
        raise UsageError(f"{text!r} {UNSEEN}", f"{question}in a shell, put a Windows path in single quotes")
    return Path(translated)


def advice(path: str, mount: str | None = None) -> str:
    """Return what to tell somebody who wrote a Windows path where a Linux one belongs."""
    root = mount_root() if mount is None else mount
    translated = windows_to_wsl(path, root)
    if translated and not TWICE.match(path):
        return f"{path} is a Windows path; here it is {translated}"
    meant = likely(path, root) or f"{root.rstrip('/')}/c/…"
    return f"{path!r} {UNSEEN}; write it as {meant}"


def _encodable(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def _relative(text: str) -> str | None:
    r"""Return photos\cats as photos/cats; what begins with a slash of either kind is on no drive that it names."""
    if text[0] in "\\/" or DRIVE.match(text) or FORBIDDEN.search(text):
        return None
    parts = re.split(r"[\\/]+", text)
    if parts[0] == "~":
        parts[0] = os.path.expanduser("~")
    return "/".join(parts)


def _joined(root: str, rest: str) -> str | None:
    if FORBIDDEN.search(rest):
        return None
    parts: list[str] = []
    for part in re.split(r"[\\/]+", rest):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join([root, *parts]) or "/"
