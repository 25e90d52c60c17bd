"""Trees of a repository: read as paths, and made from a tree with some paths replaced."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.git.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dgops.git.repository import Repository

ID = 40
NOTHING = "0" * ID
OBJECT = re.compile(f"[0-9a-f]{{{ID}}}")
# A split index leaves files in .git, and a sparse checkout leaves paths out of an index that becomes a tree.
UNSPLIT = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.splitIndex", "GIT_CONFIG_VALUE_0": "false"}
WHOLE = {
    **UNSPLIT,
    "GIT_CONFIG_COUNT": "2",
    **{"GIT_CONFIG_KEY_1": "core.sparseCheckout", "GIT_CONFIG_VALUE_1": "false"},
}


def read_tree(repository: Repository, tree: str, folders: Sequence[str] = ()) -> dict[str, Entry]:
    """Return every path of a commit or tree below the folders (all where none is named)."""
    listing = repository.run("ls-tree", "-r", "-z", "--full-tree", tree, "--", *folders).stdout
    entries = {}
    for row in records(listing):
        head, _, path = row.partition("\t")
        # The id ends the head: "100644 blob 1234…".
        entries[path] = Entry(head[:6], head[-ID:])
    return entries


def files_at(repository: Repository, tree: str, paths: Sequence[str]) -> list[str]:
    """Return those of the paths where a commit or tree has something else than a folder."""
    listing = repository.run("ls-tree", "-z", "--full-tree", tree, "--", *paths).stdout
    return [row.partition("\t")[2] for row in records(listing) if not row.startswith("040000 ")]


def build_tree(repository: Repository, onto: str, changes: Mapping[str, Entry | None]) -> str:
    """Write the tree that `onto` is with some paths set, or taken away (None); returns its id.

    The person's own index is not touched.
    """
    rows = [f"0 {NOTHING}\t{path}" for path, entry in changes.items() if entry is None]
    rows += [f"{entry.mode} {entry.id}\t{path}" for path, entry in changes.items() if entry]
    with own_index(repository, onto) as indexed:
        indexed.run("update-index", "-z", "--index-info", stdin=joined(rows))
        return indexed.text("write-tree")


class own_index:  # noqa: N801 - used as a word of a with statement
    """A block with an index of its own, filled from a commit or tree; yields the repository that uses it.

    In a scratch folder each is filled once: reading a large tree takes longer than all that is done with it.
    """

    def __init__(self, repository: Repository, tree: str) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="index-", dir=repository.scratch)
        self.index = Path(self.folder.name) / "index"
        self.repository = repository.under(GIT_INDEX_FILE=str(self.index), **WHOLE)
        self.tree = tree
        self.kept = repository.scratch / f"tree-{tree}" if repository.scratch and OBJECT.fullmatch(tree) else None

    def __enter__(self) -> Repository:
        if self.kept and self.kept.is_file():
            shutil.copyfile(self.kept, self.index)
            return self.repository
        self.repository.run("read-tree", self.tree)
        if self.kept:
            # Renamed, so that a full disk leaves no half of one for the next.
            shutil.copyfile(self.index, f"{self.index}.kept")
            os.replace(f"{self.index}.kept", self.kept)
        return self.repository

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()


@contextlib.contextmanager
def copied_index(repository: Repository) -> Iterator[Repository]:
    """Yield the repository with a copy of the person's index, for a look that settles what it finds."""
    with tempfile.TemporaryDirectory(prefix="index-", dir=repository.scratch) as folder:
        index = Path(folder) / "index"
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(repository.git_path("index"), index)
        yield repository.under(GIT_INDEX_FILE=str(index), **UNSPLIT)


def differing(repository: Repository, old: str, new: str) -> dict[str, tuple[Entry | None, Entry | None]]:
    """Return the paths that differ between two commits or trees, with what each of them has there."""
    return _pairs(repository.run("diff-tree", "-r", "-z", "--no-renames", "--raw", old, new).stdout)


def staged(repository: Repository, commit: str) -> dict[str, Entry | None]:
    """Return the paths whose entry in the index is not that of a commit, with the index's entry."""
    rows = repository.run("diff-index", "--cached", "-z", "--no-renames", "--raw", commit).stdout
    return {path: entry for path, (_, entry) in _pairs(rows).items()}


def _pairs(output: bytes) -> dict[str, tuple[Entry | None, Entry | None]]:
    rows = iter(records(output))
    found: dict[str, tuple[Entry | None, Entry | None]] = {}
    for head in rows:
        was, now, old, new, _ = head.removeprefix(":").split(" ")
        found[next(rows)] = (
            Entry(was, old) if old != NOTHING else None,
            Entry(now, new) if new != NOTHING else None,
        )
    return found


def records(output: bytes) -> Iterator[str]:
    """Yield what git ended with NUL bytes; bytes that are no text come as Python keeps such names."""
    return (one for one in output.decode(errors="surrogateescape").split("\0") if one)


def joined(rows: Iterable[str]) -> bytes:
    """Return rows as git reads them with -z."""
    return b"".join(row.encode(errors="surrogateescape") + b"\0" for row in rows)
