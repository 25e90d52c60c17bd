"""The job directory: spec, status and logs, written whole and read by offset."""

from __future__ import annotations

import codecs
import contextlib
import errno
import json
import os
import stat
import time
from typing import Any, Dict, List, Optional, Tuple

from dgops.agent import logparts, process, spec

OVER = ("succeeded", "failed", "cancelled", "lost")
STATUSES = ("queued", "running", *OVER)
STREAMS = {"stdout": "stdout.log", "stderr": "stderr.log", "events": "events.jsonl"}
# The bounds of what one answer brings of all of them together: it is held in memory, there and here.
LEAST_BYTES, MOST_BYTES = 1 << 18, 8 << 20
# Room that is taken while there is some, so that the last word fits on a full disk.
RESERVE = 16384
MAX_JSON = 4 << 20
MOST_JOBS = 500
# What a job may say of itself: it can write its own records. Rooms are bytes of JSON, where a letter takes twelve.
LONGEST, MOST_OUTPUTS, MOST_GPUS, MOST_FAILURES = 600, 200, 64, 10
TEXT_ROOM, OUTPUTS_ROOM, LIST_ROOM = 2400, 1 << 16, 7 << 20
# Where a file was and none is now, or what is no file: a link, a pipe that nobody reads.
NO_FILE = (errno.ENOENT, errno.ELOOP, errno.ENXIO)

Record = Dict[str, Any]


def jobs_folder(base: str) -> str:
    """Return where the jobs of a base lie."""
    return os.path.join(base, "jobs")


def open_regular(path: str, flags: int = os.O_RDONLY) -> int:
    """Open a regular file and never wait: what a job puts in its place may be a pipe. Raises OSError for such."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ENXIO, "no regular file", path)
    return descriptor


def read_json(path: str) -> Optional[Record]:
    """Return the object in a file, None where there is none to be had; never waits on what only looks like a file."""
    try:
        descriptor = open_regular(path)
    except OSError:
        return None
    with open(descriptor, "rb") as stream:
        if os.fstat(descriptor).st_size > MAX_JSON:
            return None
        try:
            record = json.loads(stream.read(MAX_JSON))
        except (ValueError, RecursionError):
            return None
    return record if isinstance(record, dict) else None


def write_json(folder: str, name: str, record: Record, again: bool = False) -> None:
    """Write a small file whole or not at all; with `again` room is kept for a next time on a full disk."""
    content = json.dumps(record, sort_keys=True).encode() + b"\n"
    temporary = os.path.join(folder, "." + name + ".next")
    try:
        descriptor = open_regular(temporary, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        os.unlink(temporary)
        descriptor = open_regular(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        write_all(descriptor, content)
        os.ftruncate(descriptor, len(content))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(temporary, os.path.join(folder, name))
    sync_folder(folder)
    if again:
        reserve(temporary)


def reserve(path: str) -> None:
    """Take room on the disk under a name, as far as there is some."""
    with contextlib.suppress(OSError):
        descriptor = open_regular(path, os.O_WRONLY | os.O_CREAT)
        try:
            write_all(descriptor, b"\0" * RESERVE)
        finally:
            os.close(descriptor)


def sync_folder(folder: str) -> None:
    """Make the names in a folder durable, where its file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte; raises OSError where the disk takes no more."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def load_spec(folder: str) -> Record:
    """Return a job's spec, an empty one where its folder was damaged."""
    return read_json(os.path.join(folder, "spec.json")) or {}


def view(folder: str) -> Record:
    """Return a job as it is seen now: its record, unless the process that should keep it is gone."""
    wanted = load_spec(folder)
    record = read_json(os.path.join(folder, "status.json")) or {"status": "lost", "reason": "it has no status.json"}
    if record.get("status") not in OVER:
        evidence = process.gone(record.get("supervisor"))
        # It may have ended between the two looks.
        record = read_json(os.path.join(folder, "status.json")) or record
        if evidence and record.get("status") not in OVER:
            record = dict(record, status="lost", reason=evidence)
    if record.get("status") not in STATUSES:
        record = dict(record, status="lost", reason="its status.json is damaged")
    return {
        "id": os.path.basename(folder),
        "kind": _text(wanted.get("kind")),
        "label": _text(wanted.get("label")),
        "status": record.get("status"),
        "created": _text(wanted.get("created")),
        "started": _text(record.get("started")),
        "finished": _text(record.get("finished")),
        "exit_code": _number(record.get("exit_code")),
        "first_failure": _text(record.get("first_failure")),
        "reason": _text(record.get("reason")),
        "outputs": _texts(wanted.get("outputs")),
        "gpus": _numbers(record.get("gpus")),
        "correlation": _text(wanted.get("correlation")),
        "priority": _number(wanted.get("priority")),
        "attempt": _number(record.get("attempt")),
        "attempts": 1 + (_number(wanted.get("retries")) or 0),
        "failures": _failures(record.get("failures")),
        "beat": _beat(folder) if record.get("status") == "lost" else None,
    }


def views(base: str) -> List[Record]:
    """Return the jobs of a base, newest first: as many of the newest as fit one answer, a few hundred at most."""
    try:
        names = [name for name in os.listdir(jobs_folder(base)) if spec.ID.match(name)]
    except FileNotFoundError:
        return []
    folders = [os.path.join(jobs_folder(base), name) for name in names]
    seen = [view(folder) for folder in folders if os.path.isdir(folder) and not os.path.islink(folder)]
    seen.sort(key=lambda one: (str(one["created"]), one["id"]), reverse=True)
    return _fitting(seen[:MOST_JOBS], LIST_ROOM)


def read_stream(folder: str, name: str, offset: int, limit: int, over: bool) -> Tuple[Record, bytes]:
    """Return bytes from an offset on, the offset behind them, their length; no character and no event is cut in two.

    `left_out` says how many bytes behind the offset are no longer kept.
    """
    at, data, whole, newest = logparts.read(os.path.join(folder, STREAMS[name]), offset, limit)
    # The end of a part that has a next one is as final as that of a job that is over.
    last = whole and (over or not newest)
    if name == "events" and not last:
        data = data[: data.rfind(b"\n") + 1]
    if not last:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        decoder.decode(data)
        data = data[: len(data) - len(decoder.getstate()[0])]
    found: Record = {"offset": at + len(data), "length": len(data)}
    return (dict(found, left_out=at - offset) if at > offset else found), data


def _fitting(values: List[Any], room: int) -> List[Any]:
    """Return as many values from the first on as take no more room as JSON."""
    for count, one in enumerate(values):
        room -= len(json.dumps(one)) + 2
        if room < 0:
            return values[:count]
    return values


def _texts(value: Any) -> List[str]:
    given = value[:MOST_OUTPUTS] if isinstance(value, list) else []
    return _fitting([str(one)[:LONGEST] for one in given], OUTPUTS_ROOM)


def _text(value: Any) -> Optional[str]:
    if value is None:
        return None
    text = str(value)[:LONGEST]
    return text if len(json.dumps(text)) <= TEXT_ROOM else text[: TEXT_ROOM // 12]


def _numbers(value: Any) -> Optional[List[int]]:
    return [one for one in map(_number, value[:MOST_GPUS]) if one is not None] if isinstance(value, list) else None


def _failures(value: Any) -> List[Record]:
    """Return what became of earlier attempts."""
    known = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    numbers = ("attempt", "exit_code")
    return [
        {"first_failure": _text(one.get("first_failure")), **{key: _number(one.get(key)) for key in numbers}}
        for one in known[-MOST_FAILURES:]
    ]


def _beat(folder: str) -> Optional[str]:
    """Return when the supervisor of a job showed its last sign of life, in UTC."""
    try:
        seconds = os.stat(os.path.join(folder, "heartbeat"), follow_symlinks=False).st_mtime
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OSError, OverflowError, ValueError):
        return None


def _number(value: Any) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31 else None
