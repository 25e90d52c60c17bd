"""Waiting for one descriptor."""

from __future__ import annotations

import math
import select


def readable(descriptor: int, seconds: float) -> bool:
    """Return whether a descriptor can be read, or is at its end, within so many seconds."""
    # Not `select`: it knows only the first 1,024 descriptors of a process.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(math.ceil(max(0.0, seconds) * 1000)))
