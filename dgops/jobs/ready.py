"""Whether a host may be given work: its contract holds, looked at just now."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError
from dgops.health import contract as contracts
from dgops.health.judge import one_line
from dgops.health.look import ATTESTED, examine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.health.contract import Contract
    from dgops.hosts.host import Host
    from dgops.jobs.link import Link
    from dgops.settings import Settings

MOST_SHOWN = 8


@dataclass(frozen=True)
class Ready:
    """A host that a job may start on: its contract, and how its venvs were found (path → holds, findings, count)."""

    contract: Contract
    attest: Mapping[str, Mapping[str, Any]]


def require_ready(link: Link, allow_drift: bool = False) -> Ready:
    """Return what the host holds; raises DgopsError with what does not hold.

    With `allow_drift` venvs may differ from their locks, and nothing else.
    """
    host = link.host
    kept = deployed(host, link.settings)
    found = examine(link.transport(), host, kept, time.monotonic())
    bad = found.failures("state")
    drifted = [one for one in bad if one.check.type in ATTESTED]
    if bad and not (allow_drift and drifted == bad):
        failing = [f"{one.check.role}: {one.check.name}: {one_line(one.observed)}" for one in bad]
        more = [f"and {len(failing) - MOST_SHOWN} more"] if len(failing) > MOST_SHOWN else []
        rows = "\n  ".join([*failing[:MOST_SHOWN], *more])
        hint = f"{_mend(host)}  mends it; --allow-drift runs on it as it is" if drifted == bad else _mend(host)
        raise DgopsError(f"{host.name} is not as its contract says, so no job starts there:\n  {rows}", hint)
    return Ready(kept, found.facts["attest"])


def deployed(host: Host, settings: Settings) -> Contract:
    """Return the contract that a deploy from here left; raises DgopsError where there is none."""
    kept = contracts.read(settings.state, host.name)
    if kept is None:
        raise DgopsError(f"{host.name} is not ready: this controller never deployed it", _mend(host))
    return kept


def base_of(contract: Contract) -> str:
    """Return the folder on the host that jobs and their inputs lie in."""
    return f"{contract.persistent_root.rstrip('/')}/dgops"


def base_on(host: Host, settings: Settings) -> str:
    """Return that folder on a host; raises DgopsError where no deploy from here left a contract."""
    return base_of(deployed(host, settings))


def work_user(host: Host) -> str:
    """Return the user whom jobs run as on a host."""
    return str(host.variables.get("user__name", "seanf"))


def _mend(host: Host) -> str:
    return f"dgops deploy --host {host.name}"
