"""The commit that an image is made of: clean, or there is no image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.deploy import tree
from dgops.errors import DgopsError
from dgops.git.repository import open_repository

if TYPE_CHECKING:
    from pathlib import Path

_MOST_NAMED = 8


@dataclass(frozen=True)
class Commit:
    """A commit and its time in seconds, which is the time of every file in the image."""

    name: str
    epoch: int

    @property
    def short(self) -> str:
        """The seven digits in a file's name."""
        return self.name[:7]


def clean_commit(root: Path | None = None) -> Commit:
    """Return the commit that roles and package come from; raises DgopsError where the tree holds anything else."""
    folder = root or tree.root()
    try:
        repository = open_repository(folder)
    except DgopsError as error:
        raise DgopsError(
            f"an image is built from a clean commit, and {folder} is no clone: {error.message}",
            "clone dgops, and build the image there",
        ) from error
    name = repository.ask("rev-parse", "--verify", "--quiet", "HEAD")
    if name is None:
        raise DgopsError(f"an image is built from a clean commit, and {folder} has none yet", "git commit first")
    dirty = [line[3:] for line in repository.text("status", "--porcelain").splitlines()]
    if dirty:
        more = [f"and {len(dirty) - _MOST_NAMED} more"] if len(dirty) > _MOST_NAMED else []
        listed = "\n  ".join([*dirty[:_MOST_NAMED], *more])
        raise DgopsError(
            f"an image is built from a clean commit; not committed in {folder}:\n  {listed}",
            "commit them, or git stash --include-untracked; then again",
        )
    return Commit(name, int(repository.text("show", "--no-patch", "--format=%ct", "HEAD")))
