"""Commits and merges in memory, and their way into the work tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.git import work_tree
from dgops.git.trees import build_tree, copied_index, differing, records, staged

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


def overlap(repository: Repository, old: str, new: str, *, settle: bool = True) -> tuple[str, ...]:
    """Return the paths that keep a work tree at `old` from becoming `new`: edits there that no commit holds.

    An uncommitted edit that is just what `new` brings is none: it is put into the index (a copy of it if settle is
    false), as it may be what a run left that was killed half-way.
    """
    if not settle:
        with copied_index(repository) as copied:
            return overlap(copied, old, new)
    repository.run("update-index", "-q", "--refresh", good=(0, 1))
    coming = differing(repository, old, new)
    hidden = work_tree.hidden(repository, coming)
    if _fits(repository, old, new):
        return hidden
    uncommitted = work_tree.uncommitted(repository)
    open_paths = {path: entry for path, (_, entry) in coming.items() if path in uncommitted or entry is None}
    arrived = work_tree.arrived(repository, open_paths)
    dirty = tuple(path for path in coming if path in uncommitted and path not in arrived)
    if arrived and not dirty:
        work_tree.stage(repository, arrived)
        if _fits(repository, _begun(repository, old, new), new):
            return hidden
    return dirty or hidden or tuple(coming)


def check_out(repository: Repository, old: str, new: str) -> None:
    """Make a work tree and its index at `old` those of `new`; uncommitted edits elsewhere stay."""
    repository.run("read-tree", "-m", "-u", _begun(repository, old, new), new)


def _begun(repository: Repository, old: str, new: str) -> str:
    """Return what the index stands at on its way from `old` to `new`; git goes on from there, and not from `old`."""
    in_index = staged(repository, old)
    coming = differing(repository, old, new) if in_index else {}
    there = {path: entry for path, (_, entry) in coming.items() if path in in_index and in_index[path] == entry}
    return build_tree(repository, old, there) if there else old


def _fits(repository: Repository, old: str, new: str) -> bool:
    return repository.ask("read-tree", "-m", "-u", "-n", old, new) is not None
