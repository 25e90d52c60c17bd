"""Trainers: which of a trainer's releases a build of torch suits."""

from __future__ import annotations

from dataclasses import dataclass

from dgops.environments import tables
from dgops.environments.tables import release as numbers


@dataclass(frozen=True)
class Release:
    """One release of a trainer: the torch that it asks for, and who says so."""

    trainer: str
    release: str
    least: str
    source: str
    below: str = ""
    note: str = ""

    def takes(self, torch: str) -> bool:
        """Say whether it runs on this version of torch."""
        fits = numbers(torch) >= numbers(self.least)
        return fits and (not self.below or numbers(torch) < numbers(self.below))

    @property
    def words(self) -> str:
        """The release and its limits, for people."""
        return f"{self.trainer} {self.release}" + (f" ({self.note})" if self.note else "")

    @property
    def asks(self) -> str:
        """What it asks for, for people."""
        return f"torch {self.least} or newer" + (f", older than {self.below}" if self.below else "")


def releases(trainer: str) -> tuple[Release, ...]:
    """Return a trainer's releases, newest first; raises UsageError with near matches for a name that is none."""
    known = tables.read(tables.folder("profiles") / "tables" / "trainers.yml")
    if trainer not in known:
        raise tables.not_known("trainer", trainer, known)
    return tuple(Release(trainer, **{key: str(value) for key, value in one.items()}) for one in known[trainer])
