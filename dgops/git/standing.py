"""How a work tree stands: what is in no commit, what no remote has, which branches of ours wait for a merge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.git.repository import unfinished

if TYPE_CHECKING:
    from dgops.git.repository import Repository


@dataclass(frozen=True)
class Standing:
    """`branch` is empty where HEAD is detached, `upstream` where the branch has none; `half_done` says what is.

    `unpushed` counts the commits of HEAD that no remote has: none where there is no remote to push to.
    """

    branch: str = ""
    upstream: str = ""
    uncommitted: tuple[str, ...] = ()
    half_done: str = ""
    unpushed: int = 0
    unmerged: tuple[str, ...] = ()


def standing(repository: Repository, ours: str = "sync/") -> Standing:
    """Look at a work tree; `ours` begins the names of branches that are there to be merged."""
    status = repository.run("status", "--porcelain=v1", "-z", "--untracked-files=normal").stdout
    return Standing(
        repository.ask("symbolic-ref", "--quiet", "--short", "HEAD") or "",
        repository.ask("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}") or "",
        _paths(status.decode(errors="surrogateescape")),
        unfinished(repository) or "",
        _unpushed(repository),
        _unmerged(repository, ours),
    )


def _paths(status: str) -> tuple[str, ...]:
    """Return the paths of `git status --porcelain=v1 -z`; behind a renamed one stands the name that it had."""
    found, entries = [], iter(status.split("\0"))
    for entry in entries:
        if entry:
            found.append(entry[3:])
        if entry[:1] in ("R", "C"):
            next(entries, None)
    return tuple(found)


def _unpushed(repository: Repository) -> int:
    if not repository.text("remote"):
        return 0
    return int(repository.ask("rev-list", "--count", "HEAD", "--not", "--remotes") or 0)


def _unmerged(repository: Repository, ours: str) -> tuple[str, ...]:
    # Without a commit on HEAD nothing is merged, and git does not answer.
    head = ["--no-merged", "HEAD"] if repository.ask("rev-parse", "--verify", "--quiet", "HEAD") else []
    return tuple(repository.text("for-each-ref", "--format=%(refname:short)", *head, f"refs/heads/{ours}").split())
