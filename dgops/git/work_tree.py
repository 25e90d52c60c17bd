"""A work tree on its way from one commit to another: what it holds that no commit does stays."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dgops.git.entry import LINK, PROGRAM, SUBMODULE, Entry, blob_id
from dgops.git.spelling import fold
from dgops.git.trees import NOTHING, build_tree, copied_index, differing, joined, records, staged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dgops.git.repository import Repository


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
    lost = hidden(repository, coming)
    if _fits(repository, old, new):
        return lost
    edited = uncommitted(repository)
    open_paths = {path: entry for path, (_, entry) in coming.items() if path in edited or entry is None}
    settled = arrived(repository, open_paths)
    dirty = tuple(path for path in coming if path in edited and path not in settled)
    if settled and not dirty:
        stage(repository, settled)
        if _fits(repository, _begun(repository, old, new), new):
            return lost
    return dirty or lost or tuple(coming)


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


def hidden(repository: Repository, coming: Mapping[str, tuple[Entry | None, Entry | None]]) -> tuple[str, ...]:
    """Return the files that a check-out would take away without a word: git believes that nobody wants ignored ones."""
    gone = {path for path, (old, new) in coming.items() if old and not new}
    # Where a disk folds names, the file that is there is the one that is renamed.
    renamed = {fold(path) for path in gone}
    found: set[str] = set()
    for path, (old, new) in coming.items():
        if new:
            found |= set(_above(repository.folder, path)) - gone
            if old is None or old.mode != SUBMODULE:
                found |= set(_below(repository.folder, path)) - gone
            taken = old is None and _is_file(repository.folder / path) and fold(path) not in renamed
            if taken and not _holds(repository, path, new):
                found.add(path)
    return tuple(sorted(found))


def uncommitted(repository: Repository) -> set[str]:
    """Return the paths that differ from the last commit, in the index or in the work tree, and those git knows not.

    A file that is only missing is none of them: a check-out brings it back, and was perhaps about to.
    """
    difference = ("diff", "--no-ext-diff", "--no-renames", "--name-only", "--diff-filter=d", "-z", "HEAD")
    changed = set(records(repository.run(*difference).stdout)) | set(staged(repository, "HEAD"))
    return changed | set(records(repository.run("ls-files", "--others", "-z").stdout))


def arrived(repository: Repository, coming: Mapping[str, Entry | None]) -> dict[str, Entry | None]:
    """Return those of the paths where the work tree holds already what is to come, and the index nothing third."""
    in_index = staged(repository, "HEAD")
    return {
        path: entry
        for path, entry in coming.items()
        if in_index.get(path, entry) == entry and _holds(repository, path, entry)
    }


def stage(repository: Repository, entries: Mapping[str, Entry | None]) -> None:
    """Put entries into the index as they are, without a look at the work tree."""
    rows = [f"0 {NOTHING}\t{path}" for path, entry in entries.items() if entry is None]
    rows += [f"{entry.mode} {entry.id}\t{path}" for path, entry in entries.items() if entry]
    repository.run("update-index", "-z", "--index-info", stdin=joined(rows))
    repository.run("update-index", "-q", "--refresh", good=(0, 1))


def _holds(repository: Repository, path: str, entry: Entry | None) -> bool:
    place = repository.folder / path
    if entry is None:
        # What lies behind a link or a file is not at this path.
        return not os.path.lexists(place) or any(True for _ in _above(repository.folder, path))
    if place.is_symlink():
        return entry.mode == LINK and blob_id(os.fsencode(os.readlink(place))) == entry.id
    if entry.mode == LINK or not place.is_file() or repository.ask("hash-object", "--", path) != entry.id:
        return False
    runs = bool(place.stat().st_mode & 0o100) == (entry.mode == PROGRAM)
    return runs or repository.ask("config", "--type=bool", "core.fileMode") == "false"


def _is_file(place: Path) -> bool:
    return place.is_symlink() or place.is_file()


def _above(folder: Path, path: str) -> Iterator[str]:
    """Yield the files and links that stand where a path needs folders."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        prefix = "/".join(parts[:count])
        if _is_file(folder / prefix):
            yield prefix


def _below(folder: Path, path: str) -> Iterator[str]:
    """Yield the files below a path, where it is a folder."""
    if (folder / path).is_symlink():
        return
    for place, folders, files in os.walk(folder / path):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in files + links:
            yield os.path.relpath(os.path.join(place, name), folder)
