"""What a trainer logged of each step, exact where its bar only shows an average: TensorBoard's files, loss_log.db."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dgops.training import scalars

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LOSSES = ("loss/current", "loss/loss", "loss")
# Prodigy's own estimate times the rate is what is trained with, and outranks the rate.
RATES = re.compile(r"lr/d\*lr(/.*)?|lr/.*|learning_rate|lr")
RUN = re.compile(r".*-run[0-9]{1,4}-plus(?P<plus>[0-9]{6,12})_[0-9]{14}")
BUSY_S = 2.0
LARGEST = 512 << 20


@dataclass(frozen=True)
class Logged:
    """What was logged of one step."""

    loss: float | None = None
    lr: float | None = None


def read(folder: Path) -> dict[int, Logged]:
    """Return what is logged below a run's output folder, by absolute step; of a step done twice the last time."""
    found: dict[int, Logged] = {}
    for path in _oldest_first(folder.glob("logs/**/events.out.tfevents.*")):
        # kohya counts from where it was resumed; the folder's name says what is to be added.
        plus = max((int(one["plus"]) for part in path.parts if (one := RUN.fullmatch(part))), default=0)
        with contextlib.suppress(OSError):
            if path.stat().st_size <= LARGEST:
                found |= _steps((one.step + plus, one.tag, one.value) for one in scalars.read(path.read_bytes())[0])
    for path in _oldest_first(folder.glob("run*/*/loss_log.db")):
        found |= _steps(_rows(path))
    return dict(sorted(found.items()))


def _steps(rows: Iterable[tuple[int, str, float]]) -> dict[int, Logged]:
    found: dict[int, Logged] = {}
    for step, tag, value in rows:
        now = found.get(step, Logged())
        if tag in LOSSES:
            found[step] = replace(now, loss=value)
        elif RATES.fullmatch(tag) and (now.lr is None or not tag.startswith("lr/") or tag.startswith("lr/d*lr")):
            found[step] = replace(now, lr=value)
    return found


def _rows(path: Path) -> list[tuple[int, str, float]]:
    """Read ai-toolkit's log without ever being in its way; a file that is none, or is being made, has no rows."""
    query = "SELECT step, key, value_real FROM metrics WHERE value_real IS NOT NULL ORDER BY step"
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)
        ) as base:
            return [(int(step), str(key), float(value)) for step, key, value in base.execute(query)]
    except (sqlite3.Error, ValueError, TypeError):
        return []


def _oldest_first(paths: Iterator[Path]) -> list[Path]:
    return sorted(
        (path for path in paths if path.is_file() and not path.is_symlink()), key=lambda one: one.stat().st_mtime
    )
