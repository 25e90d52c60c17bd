"""What the health watch noted last, and whether its keeper lives."""

from __future__ import annotations

import time
from typing import Any, Dict

from dgops.agent import health_watch, process


def watch(check: Dict[str, Any]) -> Dict[str, Any]:
    """Return the note with its age in seconds, and the evidence that its keeper is gone, None while it lives."""
    del check
    note = health_watch.noted()
    if note is None:
        return {"note": None}
    at = note.get("at")
    told = {key: note.get(key) for key in ("holding", "asked", "trouble")}
    age = None if at is None else max(0.0, time.time() - float(at))
    return {"note": told, "age": age, "gone": process.gone(note.get("keeper"))}
