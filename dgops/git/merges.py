"""Commits and merges in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.git.trees import records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.git.repository import Repository

# Of commits that only exist to tell git where two sides parted.
NOBODY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "dgops"), ("EMAIL", "dgops@localhost"), ("DATE", "1000000000 +0000"))
}


@dataclass(frozen=True)
class Merge:
    """What a merge gives: a tree, and the paths where both sides changed the same lines."""

    tree: str
    conflicts: tuple[str, ...] = ()


def commit_tree(repository: Repository, tree: str, parents: Sequence[str], message: str) -> str:
    """Write a commit as the person whom git knows here; returns its id. No branch moves."""
    flags = [word for parent in parents for word in ("-p", parent)]
    return repository.text("commit-tree", tree, *flags, "-F", "-", stdin=message.encode(errors="replace"))


def tree_of(repository: Repository, commit: str) -> str:
    """Return a commit's tree."""
    return repository.text("rev-parse", "--verify", f"{commit}^{{tree}}")


def three_way(repository: Repository, parted: str, ours: str, theirs: str) -> Merge:
    """Merge two trees that parted at a commit, in memory.

    Git looks for the place where two histories parted; two commits made for it, both upon that one, leave no
    doubt, even where a branch was rebased since. (`--merge-base` is younger than the git that we ask for.)
    """
    nobody = repository.under(**NOBODY)
    sides = [commit_tree(nobody, tree, [parted], "side\n") for tree in (ours, theirs)]
    done = repository.run("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", *sides, good=(0, 1))
    tree, *paths = records(done.stdout)
    return Merge(tree, tuple(dict.fromkeys(paths)) if done.returncode else ())
