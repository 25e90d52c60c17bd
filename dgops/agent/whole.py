"""Files that are being written by nobody: what may be carried away while a job still runs."""

from __future__ import annotations

import os
import stat
from typing import Any, Dict, Iterator, List, Set, Tuple

from dgops.agent import tree

# What one answer holds; the next one begins behind its last file.
PAGE = 20000
WRITING = os.O_WRONLY | os.O_RDWR

Inode = Tuple[int, int]


def listing(root: int, paths: List[str], after: str) -> Dict[str, Any]:
    """Return size and time of change of files at or below the paths, those left out that some process writes to.

    Only those behind `after` in the order of the walk; `more` is the name to go on behind, None where that is all.
    """
    found: Dict[str, List[int]] = {}
    inodes: Dict[Inode, List[str]] = {}
    behind = tree.order(after)
    more = None
    for path in paths:
        try:
            for name, seen in tree.walk(root, tree.checked(path), lambda path, reason: None):
                if after and tree.order(name) <= behind:
                    continue
                if len(found) >= PAGE:
                    more = next(reversed(found))
                    break
                found[name] = [seen.st_size, seen.st_mtime_ns]
                inodes.setdefault((seen.st_dev, seen.st_ino), []).append(name)
        except OSError:
            continue
    busy = {name for inode in _written(set(inodes)) for name in inodes[inode]}
    return {"files": {name: row for name, row in found.items() if name not in busy}, "more": more}


def _written(candidates: Set[Inode]) -> Set[Inode]:
    """Return which files are open for writing in a process that this user may look into."""
    return set(_open_files(candidates)) if candidates else set()


def _open_files(candidates: Set[Inode]) -> Iterator[Inode]:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        folder = "/proc/{}/fd".format(pid)
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            try:
                seen = os.stat(os.path.join(folder, name))
                inode = (seen.st_dev, seen.st_ino)
                if stat.S_ISREG(seen.st_mode) and inode in candidates and _writes(pid, name):
                    yield inode
            except OSError:
                continue


def _writes(pid: str, name: str) -> bool:
    with open("/proc/{}/fdinfo/{}".format(pid, name)) as stream:
        flags = next((line.split()[1] for line in stream if line.startswith("flags:")), "0")
    return bool(int(flags, 8) & WRITING)
