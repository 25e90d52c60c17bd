"""How a host's ComfyUI stands: the job that runs it, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.health.judge import one_line
from dgops.jobs.job import Job, from_view
from dgops.transport import agent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.generation.comfyui.installed import Installed
    from dgops.jobs.link import Link

KIND = "comfyui"
LIVING = ("queued", "running")
READY, INCOMPLETE, STARTING, STOPPED, FOREIGN = "ready", "incomplete", "starting", "stopped", "foreign"
# What one look may take: it reads ten megabytes where many nodes are installed.
ASK_SECONDS = 30.0


@dataclass(frozen=True)
class Standing:
    """How it stands: ready, incomplete (node classes are missing), starting, stopped, or foreign (none of our jobs)."""

    state: str
    url: str
    job: Job | None = None
    version: str = ""
    device: str = ""
    classes: int = 0
    missing: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the documented shape of one host in `dgops comfyui status --json`."""
        return {
            "state": self.state,
            "url": self.url,
            "job": self.job.id if self.job else None,
            "started": self.job.started if self.job else None,
            "version": self.version or None,
            "device": self.device or None,
            "classes": self.classes,
            "missing": list(self.missing),
        }


def look(link: Link, at: Installed) -> Standing:
    """Ask the host for the job and ComfyUI for an answer."""
    job = living(link, at.base)
    return judged(at, job, ask(link, at))


def living(link: Link, base: str) -> Job | None:
    """Return the job that runs ComfyUI, whoever started it, None where there is none."""
    rows = link.call("job", {"op": "list", "base": base}).get("jobs")
    # Another kind of job may be damaged or of another version: it is none of ours.
    ours = [
        row for row in (rows if isinstance(rows, list) else []) if isinstance(row, dict) and row.get("kind") == KIND
    ]
    jobs = [from_view(link.host.name, row) for row in ours]
    # Of two that were started at once the older one has the port.
    return next((one for one in reversed(jobs) if one.status in LIVING), None)


def ask(link: Link, at: Installed) -> Mapping[str, Any]:
    """Return what ComfyUI's port answers, by the agent on the host."""
    check = {"type": "comfyui", "url": at.url, "nodes": list(at.nodes)}
    answer = agent.call(link.transport(), "live", {"checks": [check]}, timeout=ASK_SECONDS)
    observations = answer.get("observations")
    first = observations[0] if isinstance(observations, list) and observations else None
    found = first.get("seen") if isinstance(first, dict) else None
    return found if isinstance(found, dict) else {}


def judged(at: Installed, job: Job | None, seen: Mapping[str, Any]) -> Standing:
    """Return how it stands, from what was seen."""
    if not isinstance(seen.get("count"), int):
        foreign = job is None and seen.get("status") is not None
        return Standing(FOREIGN if foreign else STARTING if job else STOPPED, at.url, job)
    absent = seen.get("missing")
    missing = tuple(one_line(name) for name in (absent if isinstance(absent, list) else []))
    state = FOREIGN if job is None else INCOMPLETE if missing else READY
    version, device = one_line(seen.get("version") or ""), one_line(seen.get("device") or "")
    return Standing(state, at.url, job, version, device, int(seen["count"]), missing)
