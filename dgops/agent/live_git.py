"""Git on a host: whether the forge accepts the key, and locks that a dead git left behind."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, Iterator, List, Optional

from dgops.agent import observe

Observation = Dict[str, Any]
# Folders below a root that repositories are looked for in: root/name/name/.git, and so many of them.
DEPTH = 2
MOST_FOLDERS = 2000


def git_auth(check: Dict[str, Any]) -> Observation:
    """See whether a forge accepts the host's key; forges answer a login with exit 1 and a greeting."""
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "IdentitiesOnly=yes"]
    argv = ["ssh", *options, "-i", check["key"], "-T", "git@" + check["host"]]
    returncode, output = observe.run(argv, check.get("user"), 10)
    lines = output.strip().splitlines() or ["no answer"]
    return {"accepted": "successfully authenticated" in output or returncode == 0, "said": lines[-1]}


def git_lock(check: Dict[str, Any]) -> Observation:
    """Look for .git/index.lock in the repositories in and below the roots, with its age in seconds.

    `alive` says whether a git process works in the repository, or may: where another user's git is, nobody sees.
    """
    repositories = sorted({one for root in check["roots"] or [] for one in _repositories(root)})
    held = [(one, _lock_of(one)) for one in repositories]
    found = [(one, lock) for one, lock in held if lock and os.path.lexists(lock)]
    places = _git_at() if found else []
    locks = [_seen(one, lock, places) for one, lock in found if lock]
    # Once more: a git that ended between the two looks took its lock away.
    return {"repositories": len(repositories), "locks": [one for one in locks if one]}


def _seen(repository: str, lock: str, places: List[Optional[str]]) -> Optional[Dict[str, Any]]:
    try:
        age = time.time() - os.lstat(lock).st_mtime
    except OSError:
        return None
    inside = repository.rstrip("/") + "/"
    alive = any(place is None or (place + "/").startswith(inside) for place in places)
    return {"path": lock, "age": round(age), "alive": alive}


def _repositories(root: str) -> Iterator[str]:
    """Yield folders that hold .git; hidden ones are not entered, and repositories in repositories are not sought."""
    waiting, looked = [(root, 0)], 0
    while waiting and looked < MOST_FOLDERS:
        folder, depth = waiting.pop(0)
        looked += 1
        if os.path.lexists(os.path.join(folder, ".git")):
            yield folder
            continue
        if depth < DEPTH:
            waiting += [(one, depth + 1) for one in _folders(folder)]


def _folders(folder: str) -> List[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.path
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            )
    except OSError:
        return []


def _lock_of(repository: str) -> Optional[str]:
    """Return the path of the index's lock: .git is a folder, or in worktrees and submodules a file that names it."""
    path = os.path.join(repository, ".git")
    if os.path.isdir(path):
        return os.path.join(path, "index.lock")
    try:
        with open(path, errors="replace") as stream:
            key, _, folder = stream.read(4096).partition(":")
    except OSError:
        return None
    if key != "gitdir" or not folder.strip():
        return None
    return os.path.normpath(os.path.join(repository, folder.strip(), "index.lock"))


def _git_at() -> List[Optional[str]]:
    """Return the working folders of all git processes, None for those that may not be seen."""
    found: List[Optional[str]] = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/{}/comm".format(name)) as stream:
                program = stream.read().strip()
            if program == "git" or program.startswith("git-"):
                found.append(os.readlink("/proc/{}/cwd".format(name)))
        except PermissionError:
            found.append(None)
        except OSError:
            continue
    return found
