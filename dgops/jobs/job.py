"""A job: what is asked of a host, and how it stands there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from dgops.errors import RemoteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dgops.jobs.gpus import Gpus

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled", "lost")
OVER = STATUSES[2:]
ID_CHARACTERS = frozenset("0123456789abcdef")
ID_LENGTH = 8
# What a host says about a job is shown and kept: no more of it than somebody reads.
LONGEST = 2000


@dataclass(frozen=True)
class Input:
    """A file or folder of this machine, and the relative name that the job finds it under in its work folder.

    `only` names the files of a folder that are sent, None for all.
    """

    local: Path
    path: str
    only: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Output:
    """A file or folder that the job writes, relative to its work folder or absolute, and where it goes at home."""

    path: str
    local: Path


@dataclass(frozen=True)
class Stall:
    """When silence is a stall: after `times` the median step and `least` seconds; `stop` ends the command then.

    Before it has shown a pace, silence is one after `least` seconds, and never without `from_start`.
    """

    times: int = 30
    stop: bool = False
    least: float = 300.0
    from_start: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what a job's spec holds."""
        return {"times": self.times, "least": self.least, "from_start": self.from_start, "stop": self.stop}


@dataclass(frozen=True)
class Failure:
    """How an attempt before the last one failed."""

    attempt: int
    exit_code: int | None
    first_failure: str | None


@dataclass(frozen=True)
class Request:
    """What a person asks for; `secrets` are names and values that go into the job's environment and nowhere else.

    Where the command fails, `resume` (else the command again) is tried `retries` times more; a higher `priority`
    waits before lower ones for GPUs. `allow_drift` starts it although venvs differ from their locks. By its
    `fingerprint` whoever asks for the same again finds the job that does it already.
    """

    kind: str
    label: str
    argv: tuple[str, ...]
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    gpus: Gpus | None = None
    resume: tuple[str, ...] | None = None
    retries: int = 0
    priority: int = 0
    stall: Stall | None = None
    allow_drift: bool = False
    fingerprint: str = ""


@dataclass(frozen=True)
class Job:
    """How a job stands, as its host observed it; times are ISO in UTC, None where there is none yet."""

    id: str
    host: str
    kind: str
    label: str
    status: str
    created: str | None = None
    started: str | None = None
    finished: str | None = None
    exit_code: int | None = None
    first_failure: str | None = None
    reason: str | None = None
    outputs: tuple[str, ...] = ()
    gpus: tuple[int, ...] = ()
    correlation: str = ""
    attempt: int | None = None
    attempts: int = 1
    failures: tuple[Failure, ...] = ()
    beat: str | None = None

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in OVER

    def listed(self) -> dict[str, Any]:
        """Return the row of `dgops jobs list --json`."""
        keys = ("id", "host", "kind", "status", "created", "started", "finished", "exit_code", "first_failure")
        return {key: getattr(self, key) for key in keys}


def from_view(host: str, view: Any) -> Job:
    """Return the job that a host's agent describes; raises RemoteError where that is no such description."""
    good = isinstance(view, dict) and is_id(view.get("id")) and view.get("status") in STATUSES
    if not good:
        raise RemoteError(f"{host} described a job with something else", "is this the host that you mean?")
    return Job(
        id=view["id"],
        host=host,
        kind=_text(view, "kind") or "command",
        label=_text(view, "label") or "",
        status=view["status"],
        created=_text(view, "created"),
        started=_text(view, "started"),
        finished=_text(view, "finished"),
        exit_code=_number(view, "exit_code"),
        first_failure=_text(view, "first_failure"),
        reason=_text(view, "reason"),
        outputs=tuple(one for one in _sequence(view.get("outputs")) if isinstance(one, str)),
        gpus=tuple(one for one in _sequence(view.get("gpus")) if isinstance(one, int)),
        correlation=_text(view, "correlation") or "",
        attempt=_number(view, "attempt"),
        attempts=_number(view, "attempts") or 1,
        failures=tuple(_failure(one) for one in _sequence(view.get("failures")) if isinstance(one, dict)),
        beat=_text(view, "beat"),
    )


def _failure(row: Mapping[str, Any]) -> Failure:
    return Failure(_number(row, "attempt") or 0, _number(row, "exit_code"), _text(row, "first_failure"))


def _number(view: Mapping[str, Any], key: str) -> int | None:
    value = view.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(view: Mapping[str, Any], key: str) -> str | None:
    value = view.get(key)
    # One line, so that no host can forge another.
    return " ".join(value[:LONGEST].splitlines()) or None if isinstance(value, str) else None


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def is_id(value: Any) -> bool:
    """Return whether value is a whole job id."""
    return isinstance(value, str) and len(value) == ID_LENGTH and ID_CHARACTERS.issuperset(value)


def require_prefix(text: str) -> str:
    """Return the id, or the beginning of one, that a person typed; raises UsageError."""
    wanted = text.strip().lower()
    if not wanted or len(wanted) > ID_LENGTH or not ID_CHARACTERS.issuperset(wanted):
        raise UsageError(f"{text!r} is no job id: 8 hexadecimal digits, or the first of them", "dgops jobs list")
    return wanted


def work_path(base: str, job: str) -> str:
    """Return a job's work folder on its host."""
    return str(PurePosixPath(base) / "jobs" / job / "work")
