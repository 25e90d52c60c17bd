"""What a host answered about a job's logs, held against what is known, and how much to ask for next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.agent.jobdir import LEAST_BYTES, MOST_BYTES, STREAMS
from dgops.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.jobs.progress import Watcher

# Little is asked for at first, and more as long as it comes quickly: a slow line must bring it before the deadline.
QUICK, SLOW = 2.0, 5.0


def next_limit(limit: int, size: int, seconds: float) -> int:
    """Return how much to ask for next: only an answer that was as large as it might be tells how quick the line is."""
    # That much is each stream's share, whatever the others have.
    if size < limit // len(STREAMS):
        return limit
    if seconds > SLOW:
        return max(limit // 2, LEAST_BYTES)
    return min(limit * 4, MOST_BYTES) if seconds < QUICK else limit


def fresh(
    host: str, answer: Mapping[str, Any], content: bytes, known: Mapping[str, int], watcher: Watcher
) -> dict[str, tuple[int, str]]:
    """Return what is new in each stream: the offset behind it, and its text; raises RemoteError where it is no log."""
    found, at = {}, 0
    for stream, row in _rows(host, answer, len(content)).items():
        piece, offset = content[at : at + row["length"]], row.get("offset")
        at += len(piece)
        if stream in STREAMS and isinstance(offset, int) and offset > known[stream]:
            found[stream] = (offset, piece.decode(errors="replace"))
            if isinstance(row.get("left_out"), int):
                watcher.told(f"{stream}: {row['left_out']:,} bytes from the middle of a long log are not kept")
    return found


def _rows(host: str, answer: Mapping[str, Any], size: int) -> dict[str, dict[str, Any]]:
    """Return what is told of each stream, whose lengths make up the bytes that came."""
    rows = answer.get("streams")
    if isinstance(rows, dict) and all(isinstance(one, dict) for one in rows.values()) and size <= MOST_BYTES:
        lengths = [one.get("length") for one in rows.values()]
        if all(isinstance(one, int) and one >= 0 for one in lengths) and sum(lengths) == size:
            return rows
    raise RemoteError(f"{host} answered the question for a log with something else")
