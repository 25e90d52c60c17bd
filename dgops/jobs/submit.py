"""Submit a job: what it needs is looked at here, the host is looked at there, inputs go over, then it starts."""

from __future__ import annotations

import secrets
import socket
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from dgops.agent import redact
from dgops.errors import DgopsError, UnreachableError, UsageError
from dgops.events import log
from dgops.events.trace import trace_id
from dgops.jobs import memory, names, source
from dgops.jobs.job import Job, Stall, from_view
from dgops.jobs.landing import unwritable
from dgops.jobs.link import Link
from dgops.jobs.ready import base_of, require_ready, work_user
from dgops.jobs.transfer import upload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.hosts.host import Host
    from dgops.jobs.job import Request
    from dgops.jobs.progress import Watcher
    from dgops.jobs.source import Source
    from dgops.settings import Settings

# A shorter value stands in many a command by chance.
SHORTEST_SECRET = 6
SUBMIT_SECONDS = 120.0


def submit(host: Host, settings: Settings, request: Request, watcher: Watcher) -> Job:
    """Start a job on a host whose contract holds, and return how it stands.

    Raises UsageError or ConfigError for what is wrong here, before the host is asked; DgopsError where the host
    is not ready or refuses; UnreachableError where it cannot be asked. Nothing runs unless this returns.
    """
    _require_outputs(request)
    _require_no_secret(request)
    sources = source.read(request.inputs, socket.gethostname(), settings.state)
    with Link(host, settings, watcher.told) as link:
        ready = require_ready(link, request.allow_drift)
        contract = ready.contract
        base, user = base_of(contract), work_user(host)
        spec = spec_of(request, sources, ready.attest)
        watcher.begins(host.name, spec)
        for line in _drift(ready.attest):
            watcher.told(line)
        if sources:
            upload(link, base, user, sources, watcher)
        order = {
            "op": "submit",
            "base": base,
            "user": user,
            "mode": settings.mode or contract.mode,
            "spec": spec,
            "secrets": dict(request.secrets),
        }
        memory.keep(settings.state, host.name, spec, request.outputs, str(host.variables.get("runpod_id") or ""))
        job = _start(link, order, watcher)
    log.note("job.submitted", f"{spec['kind']} {spec['label']}", host=host.name, job=job.id, argv=spec["argv"])
    watcher.submitted(job)
    return job


def _start(link: Link, order: dict[str, Any], watcher: Watcher) -> Job:
    """Hand the order over; where no answer comes, say how to find out whether it was taken."""
    job = order["spec"]["id"]
    unknown = f"whether {job} was taken is not known; this tells:  dgops jobs show {job}"
    try:
        answer = link.call("job", order, timeout=SUBMIT_SECONDS)
    except UnreachableError as error:
        raise UnreachableError(error.message, unknown) from None
    except KeyboardInterrupt:
        watcher.told(unknown)
        raise
    except DgopsError:
        memory.forget(link.settings.state, job)
        raise
    return from_view(link.host.name, answer.get("job"))


def _drift(attest: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line for each venv that is not as its lock says."""
    bad = [(path, one["findings"][0], one["count"] - 1) for path, one in attest.items() if not one["holds"]]
    return [f"{path} drifted: {first}{f' and {more} more' if more else ''}" for path, first, more in bad]


def spec_of(request: Request, sources: Sequence[Source], attest: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the spec that lies in the job's folder: all that was asked, how venvs were, and no secret's value."""
    return {
        "id": secrets.token_hex(4),
        "kind": request.kind,
        "label": request.label,
        "argv": list(request.argv),
        "cwd": None,
        "env": dict(request.env),
        "secrets": sorted(request.secrets),
        "inputs": [one.to_json() for one in sources],
        "outputs": [one.path for one in request.outputs],
        "gpus": request.gpus.to_json() if request.gpus else None,
        "resume": list(request.resume) if request.resume else None,
        "retries": request.retries,
        "priority": request.priority,
        "stall": (request.stall or Stall()).to_json(),
        "attest": {path: dict(one) for path, one in attest.items()},
        "created": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "correlation": trace_id(),
        **({"fingerprint": request.fingerprint} if request.fingerprint else {}),
    }


def _require_outputs(request: Request) -> None:
    for one in request.outputs:
        wrong = names.complaint(one.path.strip("/"))
        if wrong:
            raise UsageError(
                f"--output {one.path} {wrong}", "an output is a file or folder below the job's work folder"
            )
    # Found out now, and not when the job has run for hours.
    closed = dict.fromkeys(wrong for one in request.outputs if (wrong := unwritable(one.local)))
    if closed:
        raise UsageError(f"no output can come home: {'; '.join(closed)}", "run it from a folder that you may write to")


def _require_no_secret(request: Request) -> None:
    """Refuse a secret's value in what is kept: the command and the plain environment are written down."""
    kept = [*request.argv, *(request.resume or ()), *request.env.values()]
    for name, value in request.secrets.items():
        if len(value) >= SHORTEST_SECRET and any(value in text for text in kept):
            raise UsageError(
                f"the value of {name} stands in the command or in --env: it would be kept in the job's record",
                f"--env {name} hands it over unseen; in the command write it as sh -c '… \"${name}\" …'",
            )
    bare = [text for text in kept if redact.holds_token(text)]
    if bare:
        raise UsageError(
            f"a secret stands in the command or in --env, and would be kept in the job's record: "
            f"{redact.text(bare[0], homes=False)}",
            "dgops secrets set NAME; then --env NAME hands it over unseen, as sh -c '… \"$NAME\" …' in the command",
        )
