"""How long a trainer may be silent before that is a stall: told, and left to go on."""

from __future__ import annotations

from dgops.jobs.job import Stall

# Before the first step and at samples nothing is printed: models are read from a slow volume, quantized, downloaded.
# ai-toolkit fetches its model itself; musubi-tuner turns tens of gigabytes into fp8; both write no line meanwhile.
LEAST = {"tiny": 300.0, "sd-scripts": 600.0, "musubi": 900.0, "ai-toolkit": 1800.0}
TIMES = 50


def stall(trainer: str) -> Stall:
    """Return the rule for a trainer's job."""
    # One that hangs before its first step has shown no pace to judge it by.
    return Stall(times=TIMES, least=LEAST[trainer], from_start=True)
