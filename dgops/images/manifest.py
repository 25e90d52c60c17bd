"""What an image says of itself: the commit, the roles, the packages and the locks that it was made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dgops.deploy import tree
from dgops.files import digest_file, digest_files

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.images.kinds import Kind
    from dgops.images.source import Commit

PATH = "usr/share/dgops/image.json"
VERSION = 1


def compose(kind: Kind, commit: Commit, profile: str | None, packages: str, root: Path) -> dict[str, Any]:
    """Return the manifest; packages is what dpkg-query printed, root the image's tree."""
    source = tree.root()
    return {
        "version": VERSION,
        "commit": commit.name,
        "kind": kind.name,
        "profile": profile,
        "roles": {
            name: digest_files(source, tree.role_files(source / "roles" / name)) for name in tree.playbook_roles()
        },
        "locks": {
            path.name: digest_file(path) for path in sorted((root / "usr/local/share/dgops/locks").glob("*.txt"))
        },
        "packages": dict(line.split(" ", 1) for line in sorted(packages.splitlines()) if line),
    }


def write(root: Path, manifest: dict[str, Any]) -> None:
    """Put the manifest into the image's tree."""
    path = root / PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest, indent=2) + "\n")
    path.chmod(0o644)
