"""Follow a job: its log from an exact offset on, through cut connections, until it is over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dgops.errors import RemoteError
from dgops.jobs.job import from_view

if TYPE_CHECKING:
    from dgops.jobs.job import Job
    from dgops.jobs.link import Link
    from dgops.jobs.progress import Watcher

STREAMS = ("stdout", "stderr", "events")
WAIT, SPARE = 10.0, 20.0
LIMIT = 1 << 18


def follow(link: Link, base: str, job: str, watcher: Watcher, offsets: dict[str, int] | None = None) -> Job:
    """Pass on what a job writes until it is over and all is read; returns how it ended.

    `offsets` counts the bytes of each stream that are known already, and goes on counting. Raises UnreachableError
    where the connection stays cut: the job goes on.
    """
    known = {} if offsets is None else offsets
    for stream in STREAMS:
        known.setdefault(stream, 0)
    rest = ""
    while True:
        request = {"op": "read", "base": base, "id": job, "offsets": known, "wait": WAIT, "limit": LIMIT}
        answer = link.call("job", request, timeout=WAIT + SPARE)
        found = from_view(link.host.name, answer.get("job"))
        fresh = _fresh(link, answer, known, watcher)
        watcher.stands(found)
        for stream, (offset, text) in fresh.items():
            known[stream] = offset
            if stream == "events":
                rest = _events(rest + text, watcher)
            elif text:
                watcher.wrote(stream, text)
        if found.over and not fresh:
            return found


def _fresh(link: Link, answer: dict[str, Any], known: dict[str, int], watcher: Watcher) -> dict[str, tuple[int, str]]:
    """Return what is new in each stream: the offset behind it, and its text."""
    streams = answer.get("streams")
    if not isinstance(streams, dict):
        raise RemoteError(f"{link.host.name} answered the question for a log with something else")
    fresh = {}
    for stream in STREAMS:
        row = streams.get(stream) or {}
        offset, text = row.get("offset"), row.get("text")
        if isinstance(offset, int) and isinstance(text, str) and offset > known[stream]:
            fresh[stream] = (offset, text)
            if isinstance(row.get("left_out"), int):
                watcher.told(f"{stream}: {row['left_out']:,} bytes from the middle of a long log are not kept")
    return fresh


def _events(text: str, watcher: Watcher) -> str:
    """Pass whole lines on as events; returns the line that is not over yet."""
    *lines, rest = text.split("\n")
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            watcher.happened(event)
    return rest
