"""What a pod's keeper said last of its limits, and whether it lives."""

from __future__ import annotations

import time
from typing import Any, Dict

from dgops.agent import process, spend_guard

TOLD = ("action", "reason", "left", "spent", "troubles")


def spend(check: Dict[str, Any]) -> Dict[str, Any]:
    """Return the verdict with its age in seconds, and the evidence that its keeper is gone, None while it lives."""
    del check
    note = spend_guard.noted()
    if note is None:
        return {"note": None}
    age = max(0.0, time.time() - float(note["at"]))
    return {"note": {key: note.get(key) for key in TOLD}, "age": age, "gone": process.gone(note.get("keeper"))}
