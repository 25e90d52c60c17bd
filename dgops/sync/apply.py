"""Home's side of a sync: one commit, one base, one branch for what does not fit."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.errors import BusyError
from dgops.git import merges, refs, work_tree
from dgops.git.trees import build_tree, read_tree
from dgops.sync import reconcile
from dgops.sync.maps import in_ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.git.entry import Entry
    from dgops.git.repository import Repository
    from dgops.sync.reconcile import Change


@dataclass(frozen=True)
class Pull:
    """How a host's edits would come home; a value, nothing is changed yet.

    `edited` is the tree of the base with the host's edits, `merged` that of home with them. `conflicts` are paths
    where both sides changed the same lines, `dirty` those that have uncommitted edits in the work tree.
    """

    base: str
    head: str
    changes: tuple[Change, ...]
    edited: str
    merged: str
    conflicts: tuple[str, ...] = ()
    dirty: tuple[str, ...] = ()
    news: bool = True

    @property
    def clean(self) -> bool:
        """Whether the edits can be committed on the branch."""
        return not self.conflicts and not self.dirty


def plan_pull(
    repository: Repository, base: str, head: str, was: Mapping[str, Entry], host: Mapping[str, Entry], *, settle: bool
) -> Pull:
    """Merge what a host changed since the base into the head, in memory."""
    changes = reconcile.changes(was, host)
    edited = build_tree(repository, base, {one.path: host.get(one.path) for one in changes})
    ours = merges.tree_of(repository, head)
    merged = merges.Merge(edited) if head == base else merges.three_way(repository, base, ours, edited)
    if merged.conflicts:
        return Pull(base, head, changes, edited, merged.tree, merged.conflicts)
    dirty = work_tree.overlap(repository, head, merged.tree, settle=settle) if merged.tree != ours else ()
    return Pull(base, head, changes, edited, merged.tree, (), dirty, merged.tree != ours)


@dataclass(frozen=True)
class Place:
    """Where commits go: the branch that is checked out, and the ref of the base with the commit it is at."""

    repository: Repository
    branch: str
    ref: str
    at: str | None
    host: str
    dry: bool = False


def commit_pull(place: Place, pull: Pull, message: str) -> tuple[str, str]:
    """Commit a clean pull and bring it into the work tree; returns the new head and the new base.

    The work tree comes first, under locked refs; branch and base then move together. Killed in between, the next
    run finds the same edits, sees that the work tree has them already, and goes on.
    """
    repository = place.repository
    edit = merges.commit_tree(repository, pull.edited, [pull.base], message)
    new = edit
    if pull.head != pull.base:
        new = merges.commit_tree(repository, pull.merged, [pull.head, edit], message)
    if not place.dry:
        moves = {f"refs/heads/{place.branch}": (pull.head, new), place.ref: (place.at, edit)}
        with refs.moving(repository, moves, f"dgops sync: {place.host}"):
            if refs.current_branch(repository) != place.branch:
                raise BusyError(f"{repository.folder} left {place.branch} meanwhile; nothing was changed", "sync again")
            work_tree.check_out(repository, pull.head, new)
    return new, edit


def keep_branch(place: Place, parent: str, tree: str, message: str) -> tuple[str, str]:
    """Keep a tree of the host's on a branch of its own; returns branch and commit.

    A branch that holds the same tree already is that branch.
    """
    known = refs.branches(place.repository, f"sync/{in_ref(place.host)}/")
    for name, commit in reversed(known.items()):
        if merges.tree_of(place.repository, commit) == tree:
            return name, commit
    commit = merges.commit_tree(place.repository, tree, [parent], message)
    name = _free_name(place.host, known)
    if not place.dry:
        refs.move(place.repository, {f"refs/heads/{name}": (None, commit)}, f"dgops sync: {place.host}")
    return name, commit


def is_kept(place: Place, differing: Mapping[str, Entry], folders: Sequence[str]) -> bool:
    """Return whether some branch of this host holds all of these files already."""
    known = refs.branches(place.repository, f"sync/{in_ref(place.host)}/")
    return any(reconcile.saved_in(differing, read_tree(place.repository, commit, folders)) for commit in known.values())


def move_base(place: Place, base: str) -> None:
    """Move the ref of the base."""
    if place.at != base and not place.dry:
        refs.move(place.repository, {place.ref: (place.at, base)}, f"dgops sync: {place.host}")


def _free_name(host: str, taken: Mapping[str, str]) -> str:
    stem = f"sync/{in_ref(host)}/{time.strftime('%m%d-%H%M')}"
    names = (stem if count == 1 else f"{stem}-{count}" for count in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
