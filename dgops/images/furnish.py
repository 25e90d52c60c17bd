"""What a kind of image has beside what the roles made: its configuration, its first program, its icon."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from dgops.images.icon import ico

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.images.kinds import Kind

ICON = "usr/lib/wsl/dgops.ico"
_MASK = "/dev/null"


def furnish(root: Path, kind: Kind) -> None:
    """Write a kind's files into the image's tree, and mask the units that it does without."""
    files = resources.files("dgops.images") / "files"
    for name, (source, mode) in kind.furniture.items():
        put(root, name, (files / source).read_bytes(), mode)
    if kind.name == "wsl":
        put(root, ICON, ico(), 0o644)
    units = root / "etc/systemd/system"
    for unit in kind.masked:
        for folder in units.glob("*.wants"):
            (folder / unit).unlink(missing_ok=True)
        link = units / unit
        link.unlink(missing_ok=True)
        link.symlink_to(_MASK)


def put(root: Path, name: str, content: bytes, mode: int) -> None:
    """Write one file, and the folders that lead to it."""
    path = root / name
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        folder.chmod(0o755)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
