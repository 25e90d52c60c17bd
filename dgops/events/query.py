"""Questions to the log: which lines, from when on, how serious, of which command."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from dgops.errors import UsageError
from dgops.events.log import LEVELS
from dgops.events.shelf import files, lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
SPAN = re.compile(r"(\d{1,6})([smhdw])")


@dataclass(frozen=True)
class Question:
    """What is wanted; `since` in seconds since 1970, `correlation` the beginning of an id, `level` the least."""

    correlation: str = ""
    level: str = "debug"
    since: float = 0.0


def since(text: str, now: float | None = None) -> float:
    """Return the time that `1h`, `30m`, `2d` or an ISO date stands for; raises UsageError for anything else."""
    span = SPAN.fullmatch(text)
    if span:
        return (time.time() if now is None else now) - int(span.group(1)) * UNITS[span.group(2)]
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise UsageError(f"--since {text}: no time", "90s, 30m, 1h, 2d, or 2026-01-31T08:00") from None
    return found.timestamp()


def ask(folder: Path, question: Question) -> Iterator[dict[str, Any]]:
    """Yield the records that match, the oldest first; a line that is none is left out."""
    wanted = LEVELS[LEVELS.index(question.level) :]
    for path in files(folder):
        # What was written last in a file is its time.
        if path.stat().st_mtime < question.since:
            continue
        for line in lines(path):
            record = _record(line)
            if (
                record
                and record.get("level") in wanted
                and str(record.get("correlation_id", "")).startswith(question.correlation)
                and _time(record) >= question.since
            ):
                yield record


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _time(record: dict[str, Any]) -> float:
    try:
        text = str(record.get("timestamp")).removesuffix("Z")
        return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return 0.0
