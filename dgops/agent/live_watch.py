"""What the health watch noted last, and whether its keeper lives."""

from __future__ import annotations

import time
from typing import Any, Dict

from dgops.agent import process, self_look


def watch(check: Dict[str, Any]) -> Dict[str, Any]:
    """Return the note, how many seconds ago it looked or else began, and the evidence that its keeper is gone."""
    del check
    note = self_look.noted()
    if note is None:
        return {"note": None}
    told = {key: note.get(key) for key in ("holding", "asked", "trouble")}
    age = time.time() - float(note["since"] if note["at"] is None else note["at"])
    return {"note": told, "age": max(0.0, age), "gone": process.gone(note.get("keeper"))}
