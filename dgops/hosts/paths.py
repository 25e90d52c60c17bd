"""Windows paths and what they are called inside WSL."""

from __future__ import annotations

import re

DRIVE = re.compile(r"^([A-Za-z]):(.*)$", re.DOTALL)
# \\wsl$\Distro\home and \\wsl.localhost\Distro\home, with either kind of slash.
DISTRO = re.compile(r"^[\\/]{2}wsl(?:\$|\.localhost)[\\/]+[^\\/]+(.*)$", re.IGNORECASE | re.DOTALL)
SHARE = re.compile(r"^(\\\\|//)[^\\/]+[\\/]")
# What a shell or a YAML double quote makes of \t, \n, \a and their like; and what Windows forbids.
FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*]')


def is_windows_path(path: str) -> bool:
    r"""Return whether path is Windows' way of writing: C:\x, C:/x, \\server\share, a folder\file."""
    return bool(DRIVE.match(path) or DISTRO.match(path) or SHARE.match(path) or "\\" in path)


def windows_to_wsl(path: str) -> str | None:
    r"""Return the path's name inside WSL: C:\Users\x is /mnt/c/Users/x, \\wsl$\Distro\home\x is /home/x.

    None where there is none: a network share, a relative path, or a path that lost its backslashes on the
    way (C:Usersx is what a shell leaves of C:\Users\x).
    """
    distro = DISTRO.match(path)
    if distro:
        return _joined("", distro[1])
    drive = DRIVE.match(path)
    if not drive or (drive[2] and drive[2][0] not in "\\/"):
        return None
    return _joined(f"/mnt/{drive[1].lower()}", drive[2])


def _joined(root: str, rest: str) -> str | None:
    if FORBIDDEN.search(rest):
        return None
    parts = [part for part in re.split(r"[\\/]+", rest) if part]
    return "/".join([root, *parts]) or "/"


def advice(path: str) -> str:
    """Return what to tell somebody who wrote a Windows path where a Linux one belongs."""
    translated = windows_to_wsl(path)
    if translated:
        return f"{path} is a Windows path; here it is {translated}"
    return f"{path!r} looks like a Windows path that lost its backslashes, or that WSL cannot see; write it as /mnt/c/…"
