"""One ZIP that tells a job's story to somebody else; redacted on its host, and once more here."""

from __future__ import annotations

import io
import json
import platform
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.agent import bundle as agent
from dgops.errors import DgopsError, RemoteError
from dgops.files import write_atomic
from dgops.hosts import secrets
from dgops.jobs import names
from dgops.jobs.job import Job, from_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from dgops.jobs.link import Link
    from dgops.jobs.place import Place

LONG = 120.0
MOST_FILES = 200
README = """# Job {id} on {host}: {status}

{error}

| file | what is in it |
|---|---|
| metadata.json | the job as its host describes it, and what was asked for |
| environment.json | what it ran on, what it was given (names of secrets, no values), who made this bundle |
| events.jsonl | what happened to it, one JSON object a line |
| stdout.log, stderr.log | the last {lines} lines of each |
| samples/ | the newest samples that it wrote |

Tokens, passwords, private keys and the names of home folders were taken out of everything here.
{left_out}"""


@dataclass(frozen=True)
class Bundle:
    """A bundle on this machine: its path, its size in bytes, the names in it, the job that it tells of."""

    path: Path
    size: int
    names: tuple[str, ...]
    job: Job


def write(link: Link, place: Place, folder: Path) -> Bundle:
    """Gather a job's bundle from its host and write it below a folder; raises DgopsError, RemoteError."""
    answer, data = link.exchange("bundle", {"base": place.base, "id": place.id}, timeout=LONG)
    job = from_view(link.host.name, answer.get("job"))
    spec = answer.get("spec")
    known = list(_known(spec.get("secrets") if isinstance(spec, dict) else None))
    content = {name: agent.clean(piece, known) for name, piece in _pieces(link, answer, data)}
    notes = agent.every({key: answer.get(key) for key in ("job", "spec", "machine", "left_out")}, known)
    content = {**_notes(job, notes), **content}
    path = folder / f"dgops-job-{job.id}.zip"
    packed = _zip(content)
    write_atomic(path, packed, mode=0o600)
    return Bundle(path, len(packed), tuple(content), job)


def _known(wanted: Any) -> Iterable[str]:
    """Yield the values of a job's secrets that this machine knows."""
    for name in wanted if isinstance(wanted, list) else ():
        try:
            yield from secrets.load([str(name)]).values()
        except DgopsError:
            continue


def _pieces(link: Link, answer: Mapping[str, Any], data: bytes) -> Iterable[tuple[str, bytes]]:
    rows = answer.get("files")
    rows = rows if isinstance(rows, list) else []
    good = [row for row in rows if isinstance(row, dict) and isinstance(row.get("size"), int) and row["size"] >= 0]
    wrong = next((row for row in good if names.hostile(str(row.get("name")))), None)
    if len(good) != len(rows) or wrong or len(rows) > MOST_FILES or sum(row["size"] for row in good) != len(data):
        raise RemoteError(f"{link.host.name} sent something else than a bundle", "nothing was written here")
    at = 0
    for row in good:
        yield str(row["name"]), data[at : at + row["size"]]
        at += row["size"]


def _notes(job: Job, notes: dict[str, Any]) -> dict[str, bytes]:
    spec = notes["spec"] if isinstance(notes["spec"], dict) else {}
    left_out = [one for one in notes["left_out"] or () if isinstance(one, dict)]
    lines = "".join(f"\nNot here: {one.get('path')} ({one.get('reason')})" for one in left_out)
    error = first_error(job)
    readme = README.format(
        id=job.id,
        host=job.host,
        status=job.status,
        error=f"First error: `{agent.every(error)}`" if error else f"`{spec.get('argv', '')}`",
        lines=agent.LINES,
        left_out=lines + "\n" if lines else "",
    )
    environment = {
        "host": notes["machine"],
        "variables": spec.get("env"),
        "secrets": spec.get("secrets"),
        "venvs": spec.get("attest"),
        "controller": {"python": platform.python_version(), "system": platform.platform()},
    }
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    metadata = {"job": notes["job"], "asked": spec, "host": job.host, "made": made}
    return {
        "README.md": readme.encode(),
        "metadata.json": _json(metadata),
        "environment.json": _json(environment),
    }


def first_error(job: Job) -> str:
    """Return the line that tells why a job did not succeed, nothing where none does."""
    return job.first_failure or (job.reason or "" if job.status in ("failed", "lost") else "")


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"


def _zip(content: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return buffer.getvalue()
