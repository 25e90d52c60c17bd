"""Shared ssh connections of other programs: end those that they left open."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 10.0


def close_masters(folder: Path) -> None:
    """Ask the ssh master behind each control socket in a folder to exit; one that is gone already is fine."""
    if not folder.is_dir():
        return
    for control in folder.iterdir():
        argv = ["ssh", "-F", "none", "-o", f"ControlPath={control}", "-O", "exit", "any"]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(argv, capture_output=True, timeout=DEADLINE, check=False, stdin=subprocess.DEVNULL)
