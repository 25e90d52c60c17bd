"""What the double does wrong on demand."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from dgops.sandbox.runpod.refusal import RefusalError


@dataclass
class Faults:
    """Counters run down with each use; the others stay until they are set anew.

    `zero_gpu` counts creates and starts that get no GPU, `full_host` starts that are refused, `dead_sshd` starts whose
    sshd never comes, `stale_port` the reads that tell the old port.
    `slow_start` is seconds until sshd, `delay` seconds before each answer, `quota` requests a minute.
    """

    no_capacity: int = 0
    fail_after_create: int = 0
    errors: int = 0
    throttled: int = 0
    stale_port: int = 0
    zero_gpu: int = 0
    full_host: int = 0
    dead_sshd: int = 0
    slow_start: float = 0.0
    delay: float = 0.0
    quota: int = 600

    def take(self, name: str) -> bool:
        """Use a counter up by one; tells whether there was any."""
        left = int(getattr(self, name))
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0

    def set(self, wanted: Any) -> None:
        """Set some of them; raises RefusalError naming what is none."""
        known = {one.name for one in fields(self)}
        if not isinstance(wanted, dict) or set(wanted) - known:
            raise RefusalError(422, f"faults are an object of {', '.join(sorted(known))}")
        for name, value in wanted.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise RefusalError(422, f"{name}: is no number from 0 up")
            setattr(self, name, value)

    def view(self) -> dict[str, float]:
        """Return them all."""
        return asdict(self)
