"""Which commit a folder is at."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 20.0


def describe(folder: Path) -> str | None:
    """Return the short commit of a folder's work tree, with `+` where it holds uncommitted changes.

    None where the folder is no work tree, has no commit yet, or git is missing.
    """
    commit = _git(folder, "rev-parse", "--short=12", "HEAD")
    if commit is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return commit + ("+" if changed else "")


def _git(folder: Path, *arguments: str) -> str | None:
    argv = ["git", "-C", str(folder), *arguments]
    # In a hook git's variables name another repository.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or "CONFIG" in key}
    try:
        done = subprocess.run(
            argv, capture_output=True, timeout=DEADLINE, check=False, stdin=subprocess.DEVNULL, env=kept
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None
