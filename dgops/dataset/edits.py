"""Keeps what somebody changed at home in a set that a host made, before the host's next one is put over it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from dgops.dataset import manifest as manifests
from dgops.dataset.manifest import Digests
from dgops.dataset.stage import ASIDE, link_or_copy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def set_aside(root: Path, names: Sequence[str]) -> Path | None:
    """Put each file that is no longer as its stage's manifest says into a folder under aside/; None without any."""
    digests = Digests()
    edited = []
    for name in names:
        known = manifests.load(root / name)
        for file, output in known.outputs.items() if known else ():
            path = root / name / file
            if path.is_file() and not path.is_symlink() and digests.of_file(path) != output:
                edited.append(path)
    if not edited:
        return None
    number = 1
    while os.path.lexists(root / ASIDE / f"home-{number}"):
        number += 1
    aside = root / ASIDE / f"home-{number}"
    for path in edited:
        target = aside / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(path, target)
    return aside


def settle(root: Path, aside: Path) -> int:
    """Take away what was set aside and stands at home all the same; returns how many files are left aside."""
    digests = Digests()
    left = 0
    for path in [one for one in aside.rglob("*") if one.is_file()]:
        home = root / path.relative_to(aside)
        if home.is_file() and not home.is_symlink() and digests.of_file(home) == digests.of_file(path):
            path.unlink()
        else:
            left += 1
    if not left:
        shutil.rmtree(aside, ignore_errors=True)
    return left
