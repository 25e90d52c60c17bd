"""The events of a job: one JSON object a line, in order, the last one `finished`."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Iterable

from dgops.agent import jobdir, redact


def now() -> str:
    """Return the time in UTC, to the millisecond."""
    seconds = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".{:03d}Z".format(int(seconds * 1000) % 1000)


class Journal:
    """Appends events; a full disk loses an event, never half of one, and not the last."""

    def __init__(self, folder: str, job: str, correlation: str, secrets: Iterable[str] = ()) -> None:
        self.job, self.correlation, self.secrets = job, correlation, list(secrets)
        self.sequence = 0
        self.room = os.path.join(folder, ".events.reserve")
        path = os.path.join(folder, jobdir.STREAMS["events"])
        self.log = jobdir.open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._go_on()
        jobdir.reserve(self.room)

    def _go_on(self) -> None:
        """Count on from the events that are there; one that was cut off in the middle goes."""
        at = whole = 0
        while True:
            data = os.pread(self.log, 1 << 20, at)
            if not data:
                break
            self.sequence += data.count(b"\n")
            whole = at + data.rindex(b"\n") + 1 if b"\n" in data else whole
            at += len(data)
        if whole < at:
            os.ftruncate(self.log, whole)

    def append(self, event: str, msg: str, *, level: str = "info", **fields: Any) -> None:
        """Append one event; what it says is redacted like any log."""
        record = {
            "ts": now(),
            "seq": self.sequence + 1,
            "level": level,
            "service": "agent",
            "job_id": self.job,
            "correlation_id": self.correlation,
            "event": event,
            "msg": redact.text(msg, self.secrets),
            "fields": redact.every(fields, self.secrets),
        }
        size = os.fstat(self.log).st_size
        line = json.dumps(record, sort_keys=False).encode() + b"\n"
        try:
            if os.write(self.log, line) == len(line):
                self.sequence += 1
                return
        except OSError:
            pass
        with contextlib.suppress(OSError):
            os.ftruncate(self.log, size)

    def size(self) -> int:
        """Return how many bytes of events there are."""
        return os.fstat(self.log).st_size

    def finish(self, msg: str, *, level: str, **fields: Any) -> None:
        """Append the one `finished` event, into the room that was kept for it, and make all of them durable."""
        with contextlib.suppress(OSError):
            os.unlink(self.room)
        self.append("finished", msg, level=level, **fields)
        with contextlib.suppress(OSError):
            os.fsync(self.log)
        os.close(self.log)
