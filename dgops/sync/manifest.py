"""The manifest of a map of artifacts: what came home from the host, and what is on its way."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dgops.files import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dgops.sync.maps import Map

NAME = ".dgops-manifest.json"
VERSION = 1
# Of a file: size in bytes, time of its last change on the host in ns, sha256.
Row = list[Any]


@dataclass(frozen=True)
class Manifest:
    """Path → row of what is home, path → sha256 of what may have come before a sync that died could say so."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    coming: Mapping[str, str] = field(default_factory=dict)

    def knows(self, path: str, sha256: str) -> bool:
        """Return whether what lies at home came from the host as it is."""
        return sha256 in (self.rows.get(path, ("", 0, ""))[2], self.coming.get(path))


def read(home: Path) -> Manifest:
    """Return the manifest of a folder at home; a missing or damaged one knows nothing."""
    try:
        kept = json.loads((home / NAME).read_text())
        if kept["version"] != VERSION:
            return Manifest()
        rows, coming = kept["files"].items(), kept.get("coming", {}).items()
        return Manifest(
            {path: row for path, row in rows if isinstance(row, list) and len(row) == 3},
            {path: sha256 for path, sha256 in coming if isinstance(sha256, str)},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Manifest()


def write(one: Map, manifest: Manifest) -> None:
    """Write the manifest of a map."""
    record = {"version": VERSION, "host": one.host, "path": one.host_path, "at": time.time()}
    one.home.mkdir(parents=True, exist_ok=True)
    write_json(one.home / NAME, {**record, "files": dict(manifest.rows), "coming": dict(manifest.coming)})
