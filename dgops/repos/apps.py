"""The apps of a host, clones of other people's repositories: where they stand, and what their remotes have newer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, RemoteError
from dgops.health.judge import one_line
from dgops.jobs.ready import deployed, work_user
from dgops.transport import agent
from dgops.transport.connect import connect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.hosts.host import Host
    from dgops.settings import Settings

LOOK_SECONDS, UPSTREAM_SECONDS = 300.0, 3600.0
MOST_FILES = 200


@dataclass(frozen=True)
class App:
    """One clone as the host's contract wants it."""

    role: str
    path: str
    remote: str
    commit: str

    @property
    def name(self) -> str:
        """What people call it."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True)
class Standing:
    """Where a clone stands: its commit and the name that its tags give it, edited files, commits of its own."""

    app: App
    commit: str = ""
    named: str = ""
    files: tuple[str, ...] = ()
    edits: int = 0
    commits: int = 0
    trouble: str = ""

    @property
    def state(self) -> str:
        """One word: pinned, moved, absent, or error where nobody could look."""
        if self.trouble:
            return "error"
        return "pinned" if self.commit == self.app.commit else "moved" if self.commit else "absent"

    def to_json(self) -> dict[str, Any]:
        """Return the documented shape of an app in `dgops apps list --json`."""
        return {
            "app": self.app.name,
            "role": self.app.role,
            "path": self.app.path,
            "remote": self.app.remote,
            "pin": self.app.commit,
            "state": self.state,
            "commit": self.commit or None,
            "named": self.named or None,
            "edited": list(self.files),
            "edits": self.edits,
            "commits": self.commits,
            "error": self.trouble or None,
        }


@dataclass(frozen=True)
class Upstream:
    """What a clone's remote has: the tip of its branch, how many commits it is ahead of the pin, its newest release.

    `gone` says that no branch or tag holds the pin any more; `newer` is None where nobody could count.
    """

    app: App
    branch: str = ""
    tip: str = ""
    newer: int | None = None
    gone: bool = False
    release: str = ""
    release_commit: str = ""
    trouble: str = ""
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the documented shape of an app in `dgops apps update --dry-run --json`."""
        return {
            "app": self.app.name,
            "role": self.app.role,
            "pin": self.app.commit,
            "branch": self.branch or None,
            "tip": self.tip or None,
            "newer": self.newer,
            "gone": self.gone,
            "release": self.release or None,
            "release_commit": self.release_commit or None,
            "error": self.trouble or None,
        }


def apps_of(host: Host, settings: Settings) -> tuple[App, ...]:
    """Return the apps of a host by its contract; raises DgopsError where it was never deployed."""
    checks = (one for one in deployed(host, settings).checks if one.type == "clone")
    return tuple(App(one.role, *(str(one.wanted[key]) for key in ("path", "remote", "commit"))) for one in checks)


def standings(host: Host, settings: Settings) -> tuple[Standing, ...]:
    """Look at every app of a host."""
    apps = apps_of(host, settings)
    rows = _asked(host, settings, apps, "look", LOOK_SECONDS)
    return tuple(_standing(app, row) for app, row in zip(apps, rows, strict=True))


def upstreams(host: Host, settings: Settings) -> tuple[Upstream, ...]:
    """Ask the remote of every app of a host, from the host; no file or ref of the clones changes."""
    apps = apps_of(host, settings)
    rows = _asked(host, settings, apps, "upstream", UPSTREAM_SECONDS)
    return tuple(_upstream(app, row) for app, row in zip(apps, rows, strict=True))


def _asked(host: Host, settings: Settings, apps: tuple[App, ...], op: str, seconds: float) -> list[dict[str, Any]]:
    if not apps:
        return []
    wishes = [{"path": app.path, "commit": app.commit} for app in apps]
    transport = connect(host, settings)
    try:
        request = {"op": op, "user": work_user(host), "clones": wishes}
        answer = agent.call(transport, "clones", request, timeout=seconds)
    finally:
        transport.close()
    if answer.get("refused"):
        raise DgopsError(f"{host.name}: {one_line(answer['refused'])}", one_line(answer.get("hint") or ""))
    rows = answer.get("clones")
    if not isinstance(rows, list) or len(rows) != len(apps) or not all(isinstance(row, dict) for row in rows):
        raise RemoteError(f"{host.name} described its apps with something else")
    return rows


def _standing(app: App, row: Mapping[str, Any]) -> Standing:
    if row.get("error") or not row.get("exists"):
        return Standing(app, trouble=one_line(row.get("error") or ""))
    files = row.get("files")
    return Standing(
        app,
        one_line(row.get("commit") or ""),
        one_line(row.get("named") or ""),
        tuple(one_line(one) for one in (files if isinstance(files, list) else [])[:MOST_FILES]),
        _number(row, "total"),
        _number(row, "commits"),
    )


def _upstream(app: App, row: Mapping[str, Any]) -> Upstream:
    if row.get("error"):
        return Upstream(app, trouble=one_line(row["error"]))
    given = row.get("tags")
    tags = {one_line(name): one_line(at) for name, at in (given if isinstance(given, dict) else {}).items()}
    release = max(tags, key=version, default="")
    return Upstream(
        app,
        one_line(row.get("branch") or ""),
        one_line(row.get("tip") or ""),
        _number(row, "newer") if "newer" in row else None,
        row.get("gone") is True,
        release,
        tags.get(release, ""),
        tags=tags,
    )


def version(tag: str) -> tuple[tuple[int, ...], bool]:
    """Return what tags are ordered by: their numbers; of equal ones a release stands above what came before it."""
    found = re.match(r"\D*(\d[\d.]*)(.*)", tag, re.DOTALL)
    if not found:
        return (), False
    return tuple(int(part) for part in re.findall(r"\d{1,9}", found.group(1))), not found.group(2)


def _number(row: Mapping[str, Any], key: str) -> int:
    value = row.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
