"""What `dgops up` remembers of one pod's work: what was asked, and how far it came."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dgops.errors import BusyError
from dgops.files import digest_bytes, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dgops.jobs.job import Request
    from dgops.jobs.source import Source


@dataclass(frozen=True)
class State:
    """The work's fingerprint, the pod as it was asked for, and whether all of it is done."""

    fingerprint: str = ""
    pod: dict[str, Any] = field(default_factory=dict)
    done: bool = False
    job: str = ""


@contextmanager
def alone(state: Path, name: str) -> Iterator[None]:
    """Have a name for ourselves; raises BusyError where another `up` of it goes on."""
    folder = state / "up"
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise BusyError(f"another dgops up of {name} goes on", "dgops jobs list shows what it does") from None
    finally:
        os.close(descriptor)


def read(state: Path, name: str) -> State:
    """Return what is remembered; a missing or damaged file is as good as none: everything is looked at again."""
    try:
        raw = json.loads((state / "up" / f"{name}.json").read_text())
        return State(str(raw["fingerprint"]), dict(raw["pod"]), raw["done"] is True, str(raw["job"]))
    except (OSError, ValueError, KeyError, TypeError):
        return State()


def write(state: Path, name: str, known: State) -> None:
    """Remember it."""
    write_json(state / "up" / f"{name}.json", asdict(known), 0o600)


def fingerprint(request: Request, sources: Sequence[Source]) -> str:
    """Return what tells one piece of work from another: its command, what goes in to the byte, what comes out."""
    files = {one.path: {name: (file.sha256, file.mode) for name, file in one.files.items()} for one in sources}
    said = {
        "kind": request.kind,
        "label": request.label,
        "argv": request.argv,
        "inputs": files,
        "outputs": [(one.path, str(one.local)) for one in request.outputs],
        "env": dict(request.env),
        "gpus": request.gpus.to_json() if request.gpus else None,
        "resume": request.resume,
    }
    return digest_bytes(json.dumps(said, sort_keys=True).encode())
