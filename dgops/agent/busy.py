"""What a command does that says nothing: whether it computes, and whether its GPU does."""

from __future__ import annotations

import time
from typing import Iterable

from dgops.agent import process

# Long enough for two ticks of a slow clock; nothing is held up, since nothing is being written.
SAMPLE = 0.5
# A driver that hangs answers nobody, and that is worth knowing.
GPU_SECONDS = 5.0


def described(pids: Iterable[int], gpu: bool) -> str:
    """Return how much of a core the processes use, and with `gpu` how busy the GPU is, in words; takes a moment."""
    known = list(pids)
    before, began = _seconds(known), time.monotonic()
    time.sleep(SAMPLE)
    share = max(0.0, _seconds(known) - before) / (time.monotonic() - began)
    words = "it uses {:.0f} % of a core".format(100 * share)
    return "{}, {}".format(words, _gpu()) if gpu else words


def _gpu() -> str:
    from dgops.agent import live_gpu

    used = live_gpu.used(GPU_SECONDS)
    return "and the driver does not answer" if used is None else "and the GPU is at {:.0f} %".format(used)


def _seconds(pids: Iterable[int]) -> float:
    return sum(seen.cpu for seen in map(process.look, pids) if seen)
