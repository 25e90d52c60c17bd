"""Commits and merges in memory, and their way into the work tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.git.trees import differing, joined, records

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

    An uncommitted edit that is just what `new` brings is none: it is put into the index (unless settle is false),
    as it may be what a run left that was killed half-way.
    """
    if settle:
        repository.run("update-index", "-q", "--refresh", good=(0, 1))
    coming = differing(repository, old, new)
    if _fits(repository, old, new):
        return ()
    uncommitted = _uncommitted(repository)
    dirty = [path for path in coming if path in uncommitted]
    same = [path for path in dirty if (entry := coming[path]) and _content(repository, path) == entry.id]
    if same == dirty and not settle:
        return ()
    if same == dirty and same:
        repository.run("update-index", "--add", "-z", "--stdin", stdin=joined(same))
        if _fits(repository, old, new):
            return ()
    return tuple(path for path in dirty if path not in same) or tuple(coming)


def check_out(repository: Repository, old: str, new: str) -> None:
    """Make a work tree and its index at `old` those of `new`; uncommitted edits elsewhere stay."""
    repository.run("read-tree", "-m", "-u", old, new)


def _fits(repository: Repository, old: str, new: str) -> bool:
    return repository.ask("read-tree", "-m", "-u", "-n", old, new) is not None


def _uncommitted(repository: Repository) -> set[str]:
    difference = ("diff", "--no-ext-diff", "--no-renames", "--name-only", "-z")
    changed = set(records(repository.run(*difference, "HEAD").stdout))
    changed |= set(records(repository.run(*difference, "--cached", "HEAD").stdout))
    return changed | set(records(repository.run("ls-files", "--others", "-z").stdout))


def _content(repository: Repository, path: str) -> str | None:
    place = repository.folder / path
    if place.is_symlink() or not place.is_file():
        return None
    return repository.ask("hash-object", "--", path)
