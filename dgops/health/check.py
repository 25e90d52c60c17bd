"""Checks and their results: what should be true of a host, and what was found."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# type → (required keys, optional keys)
STATE_KEYS: dict[str, tuple[set[str], set[str]]] = {
    "clone": ({"path", "remote", "commit"}, {"owner"}),
    "command": ({"argv"}, {"user", "rc", "stdout", "timeout"}),
    "directory": ({"path"}, {"mode", "owner", "group", "follow"}),
    "file": ({"path"}, {"mode", "owner", "group", "follow", "sha256", "contains", "block", "marker", "absent"}),
    "git_config": ({"key"}, {"value", "absent", "user", "scope"}),
    "key_pair": ({"path"}, {"public"}),
    "link": ({"path", "target"}, set()),
    "package": ({"names"}, set()),
    "program": ({"path", "lock"}, {"deep"}),
    "user": ({"user"}, {"uid", "gid", "shell", "home", "groups"}),
    "venv": ({"path", "lock"}, {"allow", "owner", "deep"}),
    "wheel": ({"path", "wheel"}, {"deep"}),
    "wheels": ({"path", "locks"}, {"seeds"}),
}
LIVE_KEYS: dict[str, tuple[set[str], set[str]]] = {
    "clock": ({"max_skew"}, set()),
    "comfyui": ({"url"}, {"nodes"}),
    "defender": (set(), {"realtime"}),
    "disk": ({"path", "min_free_gb"}, set()),
    "edits": ({"path"}, set()),
    "git_auth": ({"user", "host", "key"}, set()),
    "git_lock": ({"roots"}, set()),
    "gpu": (set(), {"min_free_gb", "min_driver"}),
    "http": ({"url"}, set()),
    "memory": ({"min_free_gb"}, set()),
    "model": ({"path"}, {"size", "sha256"}),
    "port": ({"port"}, set()),
    "shm": ({"min_mb"}, set()),
    "spend": ({"limits"}, set()),
    "sshd": (set(), {"port"}),
    "torch": ({"venv"}, set()),
    "watch": ({"minutes"}, set()),
    "wheel_cache": ({"path"}, set()),
}
COMMON_KEYS = {"role", "name", "kind", "type", "mend"}


class Outcome(str, enum.Enum):
    """pass and fail were seen; skip does not apply here; error means that nobody could look."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"
    ERROR = "error"


@dataclass(frozen=True)
class Check:
    """One expectation of one role; `wanted` holds the keys of its type."""

    role: str
    name: str
    kind: str
    type: str
    wanted: Mapping[str, Any]
    mend: str = ""

    def request(self) -> dict[str, Any]:
        """Return what the agent needs to observe it."""
        return {"kind": self.kind, "type": self.type, **self.wanted}


@dataclass(frozen=True)
class CheckResult:
    """What became of a check: expected and observed are short texts for people.

    `remedy` is set where the next step follows from what was observed.
    """

    check: Check
    outcome: Outcome
    expected: str
    observed: str
    remedy: str = ""

    @property
    def mend(self) -> str:
        """The next step for who wants it mended, empty where none is known."""
        return self.remedy or self.check.mend


def load(entries: Sequence[Mapping[str, Any]], source: str) -> tuple[Check, ...]:
    """Read checks from rendered entries; raises ConfigError with every mistake at once."""
    problems: list[str] = []
    checks = [_load_one(entry, source, problems) for entry in entries]
    if problems:
        raise ConfigError(problems, "the types and keys of checks stand in dgops/health/check.py")
    return tuple(check for check in checks if check)


def dump(check: Check) -> dict[str, Any]:
    """Return the entry that load reads back."""
    entry = {"role": check.role, "name": check.name, "kind": check.kind, "type": check.type, **check.wanted}
    return {**entry, "mend": check.mend} if check.mend else entry


def _load_one(entry: Mapping[str, Any], source: str, problems: list[str]) -> Check | None:
    role, name = str(entry.get("role", "?")), str(entry.get("name", "?"))
    where = f"{source}: {role}: {name}"
    kind = entry.get("kind", "state")
    table = {"state": STATE_KEYS, "live": LIVE_KEYS}.get(kind)
    if table is None or entry.get("type") not in table:
        problems.append(f"{where}: no {kind} check has the type {entry.get('type')!r}")
        return None
    required, optional = table[entry["type"]]
    wanted = {key: value for key, value in entry.items() if key not in COMMON_KEYS}
    problems += [f"{where}: {key} is missing" for key in sorted(required - set(wanted))]
    problems += [f"{where}: {key} is not a key of {entry['type']}" for key in sorted(set(wanted) - required - optional)]
    return Check(role, name, kind, entry["type"], wanted, str(entry.get("mend", "")))
