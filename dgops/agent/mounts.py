"""Which file system holds a path, and whether it is a network's: no venv and no live cache may lie on one."""

from __future__ import annotations

import os
import re
from typing import Optional

MOUNTS = "/proc/self/mounts"
# A pod's volume is MooseFS over FUSE. NTFS by FUSE is a disk, and so is the root of a container that has no root.
NETWORK = re.compile(r"fuse(\..*)?|nfs\d?|mfs|cifs|smb3|ceph|glusterfs|lustre")
DISKS = ("fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuse.exfat")


def filesystem(path: str, mounts: Optional[str] = None) -> str:
    """Return the type of the file system that holds path: the mount point with the longest common prefix.

    `mounts` is the text of a table of mounts, by default this machine's; `?` where no line fits.
    """
    if mounts is None:
        with open(MOUNTS, errors="replace") as stream:
            mounts = stream.read()
    best, kind, real = "", "?", os.path.realpath(path)
    for line in mounts.splitlines():
        _, point, name = line.split()[:3]
        point = re.sub(r"\\(\d{3})", lambda match: chr(int(match.group(1), 8)), point)
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, name
    return kind


def is_network(kind: str) -> bool:
    """Say whether a file system's type is a network's; Windows' drives (9p, drvfs) are none."""
    return bool(NETWORK.fullmatch(kind)) and kind not in DISKS
