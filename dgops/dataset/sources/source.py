"""What a source of images has to offer, and which sources there are."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.dataset.options import Options

# name → module:attribute, loaded on use; the attribute takes the options.
SOURCES = {"folder": "dgops.dataset.sources.folder:Folder"}


@dataclass(frozen=True)
class Candidate:
    """One file that a source has: its path there, the digest of its bytes, or why they were not looked at."""

    path: str
    sha256: str = ""
    reason: str = ""
    detail: str = ""


class Source(Protocol):
    """Finds images; asks nothing of what they are used for."""

    def survey(self) -> list[Candidate]:
        """Return every file, in an order that does not depend on the day."""

    def read(self, candidate: Candidate) -> bytes:
        """Return a candidate's bytes, the very ones of its digest."""

    def provenance(self, candidate: Candidate) -> dict[str, str]:
        """Return where a candidate comes from and by what right it is used."""


def load(name: str, options: Options) -> Source:
    """Return the source of that name for a run."""
    module, attribute = SOURCES[name].split(":")
    source: Source = getattr(importlib.import_module(module), attribute)(options.source, options.root)
    return source


def is_made_here(folder: Path) -> bool:
    """Tell whether a folder is the output of this pipeline, which is nobody's source."""
    return (folder / "01_scrape" / "manifest.json").is_file()
