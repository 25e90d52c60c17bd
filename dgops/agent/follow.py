"""What is new in a job's logs: their bytes as they are, with how the job stands."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any, BinaryIO, Dict, Iterable, List, Tuple

from dgops.agent import jobdir
from dgops.agent.named import folder_of
from dgops.agent.owner import Refusal

LONGEST_WAIT = 30.0
POLL = 0.1
# How often it is looked at whole, though nothing moves: a supervisor that dies leaves no trace.
WHOLE = 1.0
NEWS = ("status.json", *jobdir.STREAMS.values())


def exchange(request: Dict[str, Any], stream: BinaryIO) -> Tuple[Dict[str, Any], Iterable[bytes]]:
    """Return what is new behind the offsets, at once where there is any or the job is over, else in `wait`.

    `streams` tells of each, in the order of the bytes: `offset` behind them, `length`, `left_out` where there is a gap.
    """
    del stream
    try:
        folder = folder_of(request)
    except Refusal as refusal:
        return refusal.answer, ()
    given = request["offsets"]
    offsets = {name: max(0, int(given[name])) for name in jobdir.STREAMS if name in given}
    limit = min(max(int(request.get("limit", jobdir.MOST_BYTES)), jobdir.LEAST_BYTES), jobdir.MOST_BYTES)
    until = time.monotonic() + min(float(request.get("wait", 0)), LONGEST_WAIT)
    while True:
        mark, began = _mark(folder), time.monotonic()
        # Looked at before the logs: when it is over here, nothing follows what is read below.
        seen = jobdir.view(folder)
        over = seen["status"] in jobdir.OVER
        rows, pieces = _read(folder, offsets, limit, over)
        if over or any(pieces) or time.monotonic() >= until:
            return {"job": seen, "streams": rows}, pieces
        while True:
            time.sleep(POLL)
            if _mark(folder) != mark or time.monotonic() >= min(until, began + WHOLE):
                break


def _mark(folder: str) -> List[Tuple[str, int, int]]:
    """Return what moves in a job's folder when there may be news: a whole look costs a hundred times as much."""
    found = []
    with os.scandir(folder) as entries:
        for one in entries:
            # The oldest piece of a long log goes at any moment.
            with contextlib.suppress(FileNotFoundError):
                if one.name.startswith(NEWS):
                    status = one.stat(follow_symlinks=False)
                    found.append((one.name, status.st_size, status.st_mtime_ns))
    return sorted(found)


def _read(folder: str, offsets: Dict[str, int], left: int, over: bool) -> Tuple[Dict[str, Any], List[bytes]]:
    """Read the last stream first: none takes the share of those before it, and the first has what is left."""
    found = {}
    for number, name in reversed(list(enumerate(offsets, 1))):
        found[name] = jobdir.read_stream(folder, name, offsets[name], left // number, over)
        left -= len(found[name][1])
    return {name: found[name][0] for name in offsets}, [found[name][1] for name in offsets]
