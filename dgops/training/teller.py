"""What a training tells: events for the job that it runs in, and lines for people who read its log."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

EVENTS_FD = "DGOPS_EVENTS_FD"


class Teller:
    """Appends events to the job's own; outside of a job nobody listens."""

    def __init__(self) -> None:
        number = os.environ.get(EVENTS_FD, "")
        self.pipe = int(number) if number.isdigit() else None

    def tell(self, event: str, msg: str, level: str = "info", **fields: Any) -> None:
        """Tell one event of the training."""
        if self.pipe is None:
            return
        line = json.dumps({"event": f"training.{event}", "msg": msg, "level": level, "fields": fields})
        # Who listens may be gone, and a training goes on without.
        with contextlib.suppress(OSError):
            os.write(self.pipe, line.encode() + b"\n")
