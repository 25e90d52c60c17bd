"""What this controller remembers of the jobs that it started: which host, and where outputs go."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.errors import UsageError
from dgops.files import write_json
from dgops.jobs.job import Output, is_id

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Remembered:
    """One job as this controller submitted it."""

    id: str
    host: str
    outputs: tuple[Output, ...] = ()
    home: bool = False
    created: str = ""
    fingerprint: str = ""
    kind: str = ""
    label: str = ""
    pod: str = ""
    over: bool = False


def keep(state: Path, host: str, spec: dict[str, Any], outputs: Sequence[Output], pod: str = "") -> None:
    """Remember a job, and the rented pod that it is on; its environment and secrets are not kept."""
    body = {
        "id": spec["id"],
        "host": host,
        "kind": spec["kind"],
        "label": spec["label"],
        "created": spec["created"],
        "attest": spec["attest"],
        "fingerprint": spec.get("fingerprint", ""),
        "pod": pod,
        "outputs": [{"path": one.path, "local": str(one.local.absolute())} for one in outputs],
    }
    write_json(_folder(state) / f"{spec['id']}.json", body, mode=0o600)


def mark_home(state: Path, job: str) -> None:
    """Remember that a job's outputs are home, so that following it again does not bring them over later edits."""
    _mark(state, job, "home")


def mark_over(state: Path, job: str) -> None:
    """Remember that a job was seen to be over: whatever becomes of its host, it is not lost."""
    _mark(state, job, "over")


def mark_going_on(state: Path, job: str) -> None:
    """Remember that a job which was lost goes on: what it writes from now on is not home, and it is not over."""
    _mark(state, job, "home", "over", value=False)


def unfinished(state: Path) -> list[Remembered]:
    """Return the jobs that were not seen to be over, the newest first."""
    found = (_read(path) for path in _folder(state).glob("*.json"))
    return sorted((one for one in found if one and not one.over), key=lambda one: (one.created, one.id), reverse=True)


def forget(state: Path, job: str) -> None:
    """Forget a job that its host refused."""
    (_folder(state) / f"{job}.json").unlink(missing_ok=True)


def not_home(state: Path, host: str) -> list[Remembered]:
    """Return the jobs of a host that make outputs which are not home."""
    found = (_read(path) for path in sorted(_folder(state).glob("*.json")))
    return [one for one in found if one and one.host == host and one.outputs and not one.home]


def hosts_not_home(state: Path) -> set[str]:
    """Return the hosts with jobs that make outputs which are not home."""
    found = (_read(path) for path in _folder(state).glob("*.json"))
    return {one.host for one in found if one and one.outputs and not one.home}


def alike(state: Path, host: str, fingerprint: str) -> list[Remembered]:
    """Return the jobs of a host that were asked for by this fingerprint, the newest first."""
    found = (_read(path) for path in _folder(state).glob("*.json"))
    mine = [one for one in found if one and (one.host, one.fingerprint) == (host, fingerprint)]
    return sorted(mine, key=lambda one: (one.created, one.id), reverse=True)


def forget_host(state: Path, host: str) -> None:
    """Forget every job of a host that is gone for good."""
    for path in _folder(state).glob("*.json"):
        found = _read(path)
        if found and found.host == host:
            path.unlink(missing_ok=True)


def recall(state: Path, prefix: str) -> Remembered | None:
    """Return the job whose id begins so, None where there is none; raises UsageError where there are several."""
    found = sorted(path for path in _folder(state).glob(f"{prefix}*.json") if is_id(path.stem))
    if len(found) > 1:
        raise UsageError(
            f"{prefix} begins several jobs: {', '.join(path.stem for path in found[:10])}", "type one more"
        )
    return _read(found[0]) if found else None


def _mark(state: Path, job: str, *what: str, value: bool = True) -> None:
    path = _folder(state) / f"{job}.json"
    if _read(path):
        write_json(path, {**json.loads(path.read_text()), **dict.fromkeys(what, value)}, mode=0o600)


def _read(path: Path) -> Remembered | None:
    """Return what a file says; one that is damaged is forgotten, since the host knows the job."""
    try:
        body = json.loads(path.read_text())
        outputs = tuple(Output(str(one["path"]), Path(one["local"])) for one in body["outputs"])
        known = {name: str(body.get(name) or "") for name in ("created", "fingerprint", "kind", "label", "pod")}
        home, over = body.get("home") is True, body.get("over") is True
        return Remembered(path.stem, str(body["host"]), outputs, home, over=over, **known)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _folder(state: Path) -> Path:
    return state / "jobs"
