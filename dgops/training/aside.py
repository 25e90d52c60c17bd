"""What was written by weights that led to no number is moved out of the way of the next run."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.training import results

if TYPE_CHECKING:
    from dgops.training.values import Outputs

SPOILT = "not-a-number"


def move(output: Path, found: Outputs, good: int) -> None:
    """Move what was written from the last step with a loss on: its weights may be what made the next one none.

    Nobody goes on from it, and none of it goes home.
    """
    spoilt = [path for path, at in found.checkpoints.items() if at >= good]
    spoilt += [one.path for one in found.states if one.step >= good]
    spoilt += [found.final] if found.final and found.final not in spoilt else []
    for path in spoilt:
        there = output / SPOILT / str(time.time_ns()) / path
        there.parent.mkdir(parents=True)
        with contextlib.suppress(FileNotFoundError):
            (output / path).rename(there)
        (output / results.FOLDER / Path(path).name).unlink(missing_ok=True)
