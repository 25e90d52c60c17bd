"""What tells a job's story to somebody else: its record, events, ends of logs and samples, all of it redacted."""

from __future__ import annotations

import os
from typing import Any, BinaryIO, Dict, Iterable, List, Tuple

from dgops.agent import files, jobdir, logparts, machine, named, redact, tree
from dgops.agent.owner import Refusal

LINES = 1000
# What is read of one log, and what samples may take: an answer is held in memory.
MOST_LOG, MOST_SAMPLES, MOST_NAMES = 4 << 20, 24 << 20, 100

Request = Dict[str, Any]
Named = List[Tuple[str, bytes]]


def exchange(request: Request, stream: BinaryIO) -> files.Reply:
    """Return a job, its spec, its machine, and behind them the bytes of `files`; `left_out` says what is not there."""
    del stream
    try:
        folder = named.folder_of(request)
    except Refusal as refusal:
        return refusal.answer, ()
    left_out: List[Dict[str, str]] = []
    found = [("events.jsonl", _events(folder)), *_logs(folder), *_samples(folder, left_out)]
    answer = {
        "job": every(jobdir.view(folder)),
        "spec": _spec(folder),
        "machine": every(machine.facts(request["base"])),
        "files": [{"name": name, "size": len(content)} for name, content in found],
        "left_out": every(left_out),
    }
    return answer, _contents(found)


def clean(data: bytes, secrets: Iterable[str] = ()) -> bytes:
    """Return text without secrets and without the names of home folders."""
    return redact.Redactor(secrets).block(data)


def every(value: Any, secrets: Iterable[str] = ()) -> Any:
    """Return a JSON value with every text in it cleaned, names too: those of venvs are paths."""
    known = list(secrets)
    if isinstance(value, dict):
        return {redact.text(str(key), known): every(one, known) for key, one in value.items()}
    return [every(one, known) for one in value] if isinstance(value, (list, tuple)) else redact.every(value, known)


def _spec(folder: str) -> Dict[str, Any]:
    """Return a job's spec; its command and variables as they would be typed, since that is how a secret is told."""
    spec = jobdir.load_spec(folder)
    argv = {key: _typed(spec[key]) for key in ("argv", "resume") if isinstance(spec.get(key), list)}
    env = spec.get("env") if isinstance(spec.get("env"), dict) else {}
    typed = [_typed(["{}={}".format(name, value)]) for name, value in (env or {}).items()]
    shown: Dict[str, Any] = every({**spec, "env": None})
    return {**shown, **argv, "env": typed}


def _typed(words: List[Any]) -> str:
    return str(every(" ".join(map(str, words))))


def _events(folder: str) -> bytes:
    return clean(_whole_lines(logparts.tail(os.path.join(folder, jobdir.STREAMS["events"]), MOST_LOG), MOST_LOG))


def _logs(folder: str) -> Named:
    """Return the last lines of both logs."""
    found = []
    for name in ("stdout", "stderr"):
        end = _whole_lines(logparts.tail(os.path.join(folder, jobdir.STREAMS[name]), MOST_LOG), MOST_LOG)
        found.append((jobdir.STREAMS[name], clean(b"".join(end.splitlines(True)[-LINES:]))))
    return found


def _whole_lines(data: bytes, most: int) -> bytes:
    """Return data without the line that its beginning was cut out of."""
    return data if len(data) < most else data[data.find(b"\n") + 1 :]


def _samples(folder: str, left_out: List[Dict[str, str]]) -> Named:
    """Return the newest samples: text is cleaned, anything else is taken only where there is nothing to clean."""

    def odd(path: str, reason: str) -> None:
        left_out.append({"path": path, "reason": reason})

    room = MOST_SAMPLES
    found: Named = []
    root = os.open(folder, tree.FOLDER)
    try:
        there = sorted(tree.walk(root, "samples", odd), key=lambda row: -row[1].st_mtime_ns)
        for path, seen in there:
            if seen.st_size > room or len(found) >= MOST_NAMES:
                odd(path, "more than a bundle takes")
                continue
            try:
                with open(tree.open_file(root, path), "rb") as stream:
                    content = stream.read(seen.st_size)
            except OSError as error:
                odd(path, error.strerror or str(error))
                continue
            cleaned = clean(content)
            if cleaned != content and not _is_text(content):
                odd(path, "it holds something that must not be seen, and is no text")
                continue
            room -= len(cleaned)
            found.append((path, cleaned))
    except OSError as error:
        odd("samples", error.strerror or str(error))
    finally:
        os.close(root)
    del left_out[MOST_NAMES:]
    return found


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content


def _contents(found: Named) -> Iterable[bytes]:
    return [content for _, content in found]
