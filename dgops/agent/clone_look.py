"""What is true of a clone of somebody's repository: where it came from, where it stands, what was edited in it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import Any, Dict, List, Optional, Tuple

from dgops.agent import jobdir, observe

Observation = Dict[str, Any]
# The last commit that was put there from here: it is kept from git's own cleaning, and is nobody's own work.
PIN = "refs/dgops/pin"
COMMIT = re.compile(r"[0-9a-f]{40}\Z")
REF = re.compile(r"ref: (refs/[\w./+@-]+)\Z")
LARGEST = 4 << 20
SECONDS = 60.0
MOST_NAMED = 200
# What git and ssh say beside the matter.
IDLE = ("warning:", "hint:", "cloning into", "from ", "**")


class GitError(Exception):
    """What git said where it failed."""


def clone(check: Dict[str, Any]) -> Observation:
    """Observe a clone by its files: no git is run, so that it costs next to nothing."""
    folder = os.path.join(check["path"], ".git")
    if os.path.islink(folder) or not os.path.isdir(folder):
        return {"exists": False}
    values = observe.git_values(os.path.join(folder, "config"))
    commit, branch = head(folder)
    return {
        "exists": True,
        "owner": observe.user_name(os.lstat(folder).st_uid),
        "remotes": values.get("remote.origin.url", []),
        "push": values.get("remote.origin.pushurl", []),
        "commit": commit,
        "branch": branch,
    }


def edits(check: Dict[str, Any]) -> Observation:
    """Observe what people changed in a clone: tracked files, and commits that its remote does not have."""
    if not os.path.isdir(os.path.join(check["path"], ".git")):
        return {"exists": False}
    changed = changed_files(check["path"])
    return {
        "exists": True,
        "files": changed[:MOST_NAMED],
        "total": len(changed),
        "commits": own_commits(check["path"]),
    }


def head(folder: str) -> Tuple[str, str]:
    """Return the commit that is checked out, empty where there is none, and the branch that it is on, if any."""
    line = _text(os.path.join(folder, "HEAD")).strip()
    if COMMIT.match(line):
        return line, ""
    named = REF.match(line)
    if not named or ".." in line:
        return "", ""
    name = named.group(1)
    loose = _text(os.path.join(folder, name)).strip()
    return loose if COMMIT.match(loose) else _packed(folder, name), name.replace("refs/heads/", "", 1)


def _packed(folder: str, name: str) -> str:
    for line in _text(os.path.join(folder, "packed-refs")).splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name and COMMIT.match(commit):
            return commit
    return ""


def _text(path: str) -> str:
    try:
        descriptor = jobdir.open_regular(path)
    except OSError:
        return ""
    with open(descriptor, errors="replace") as stream:
        return stream.read(LARGEST)


def changed_files(path: str) -> List[str]:
    """Return the tracked files that differ from what is checked out."""
    rows = git(path, "status", "--porcelain=v1", "-z", "--untracked-files=no", "--no-renames").split("\0")
    return [row[3:] for row in rows if row]


def own_commits(path: str) -> int:
    """Return how many commits are checked out that neither the remote nor a pin brought."""
    known = ["--remotes=origin", "--tags"] + ([PIN] if has(path, PIN) else [])
    return int(git(path, "rev-list", "--count", "HEAD", "--not", *known)) if has(path, "HEAD") else 0


def has(path: str, name: str) -> bool:
    """Say whether a clone holds a commit."""
    return run(path, "cat-file", "-e", name + "^{commit}", timeout=SECONDS)[0] == 0


def git(path: str, *argv: str, timeout: float = SECONDS) -> str:
    """Return what git prints; raises GitError with its own last words where it fails."""
    code, output, words = run(path, *argv, timeout=timeout)
    if code:
        lines = [line.strip() for line in words.splitlines() if line.strip()]
        # What failed stands before what failed because of it: ssh's words before git's.
        said = next((line for line in lines if not line.lower().startswith(IDLE)), "")
        raise GitError("git {}: {}".format(argv[0], said or "ended with exit {}".format(code)))
    return output


def run(path: str, *argv: str, timeout: float) -> "Tuple[int, str, str]":
    """Run git in a folder, in its own session: nothing asks at a terminal, and at the deadline all of it is ended."""
    env: Dict[str, str] = dict(observe.environment(None), GIT_TERMINAL_PROMPT="0", GIT_OPTIONAL_LOCKS="0")
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        ["git", "-C", path, *argv],
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        env=env,
        start_new_session=True,
    )
    try:
        output, words = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return 124, "", "fatal: no end within {:.0f} s".format(timeout)
    return process.returncode, output.decode(errors="replace"), words.decode(errors="replace")


def short(commit: Optional[str]) -> str:
    """Return a commit as people say it."""
    return (commit or "nothing")[:10]
