"""What a line of a trainer says of the training: its bar told from other bars, its loss from other numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dgops.training.bars import Bar, bars
from dgops.training.values import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# `validation steps` and `Denoising steps` are other bars: no word may stand before it, a launcher's prefix may.
STEPS = re.compile(r"(?:^|[^\w\s]\s*)steps$")
# kohya's avr_loss is a moving average over an epoch; ai-toolkit says the loss of this step.
LOSSES = ("loss", "avr_loss")


def kohya(line: str) -> Progress | None:
    """Read a line of sd-scripts or musubi-tuner: their bar is called steps."""
    return _newest(line, lambda bar: STEPS.search(bar.name) is not None)


def ai_toolkit(line: str) -> Progress | None:
    """Read a line of ai-toolkit: its bar has the job's name, and is the only one that tells a learning rate."""
    return _newest(line, lambda bar: "lr" in bar.values)


def _newest(line: str, trains: Callable[[Bar], bool]) -> Progress | None:
    found = [bar for bar in bars(line) if trains(bar)]
    if not found:
        return None
    bar = found[-1]
    return Progress(
        bar=bar.name,
        step=bar.step,
        total=bar.total,
        loss=_first(bar.values, LOSSES),
        lr=_first(bar.values, ("lr",)),
        rate=bar.rate,
        eta=bar.eta,
    )


def _first(values: Mapping[str, float], names: tuple[str, ...]) -> float | None:
    return next((values[name] for name in names if name in values), None)
