"""Follow a job: its log from an exact offset on, through cut connections, until it is over."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from dgops.agent.jobdir import LEAST_BYTES, STREAMS
from dgops.jobs.fresh import fresh, next_limit
from dgops.jobs.job import from_view

if TYPE_CHECKING:
    from dgops.jobs.job import Job
    from dgops.jobs.link import Link
    from dgops.jobs.progress import Watcher

WAIT, SPARE = 10.0, 20.0


def follow(link: Link, base: str, job: str, watcher: Watcher, offsets: dict[str, int] | None = None) -> Job:
    """Pass on what a job writes until it is over and all is read; returns how it ended.

    `offsets` counts the bytes of each stream that are known already, and goes on counting. Raises UnreachableError
    where the connection stays cut: the job goes on.
    """
    known = {} if offsets is None else offsets
    for stream in STREAMS:
        known.setdefault(stream, 0)
    rest, limit = "", LEAST_BYTES
    while True:
        request = {"base": base, "id": job, "offsets": known, "wait": WAIT, "limit": limit}
        began = time.monotonic()
        answer, content = link.exchange("follow", request, timeout=WAIT + SPARE)
        limit = next_limit(limit, len(content), time.monotonic() - began)
        found = from_view(link.host.name, answer.get("job"))
        new = fresh(link.host.name, answer, content, known, watcher)
        watcher.stands(found)
        for stream, (offset, text) in new.items():
            known[stream] = offset
            if stream == "events":
                rest = _events(rest + text, watcher)
            elif text:
                watcher.wrote(stream, text)
        if found.over and not new:
            return found


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
