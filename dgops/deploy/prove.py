"""Prove a host: write its contract, here and there, and look whether it holds."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from dgops.deploy import tree
from dgops.deploy.events import Failure
from dgops.deploy.lease import owner
from dgops.errors import DgopsError
from dgops.health import contract as contracts
from dgops.health.check import load
from dgops.health.contract import Contract
from dgops.health.look import MARKER, HostHealth, examine
from dgops.transport import agent

if TYPE_CHECKING:
    from dgops.deploy.events import HostRun
    from dgops.deploy.look import Looked
    from dgops.hosts.host import Host
    from dgops.settings import Settings

PROOF = "Prove the host"


def prove(settings: Settings, looked: Looked, run: HostRun) -> HostHealth:
    """Write the contract of a whole run, carry it to the host as its marker, and look."""
    assert looked.transport is not None
    contract = _contract(settings, looked.host, run)
    contracts.save(contract, settings.state)
    agent.call(looked.transport, "marker", {"contract": contracts.to_json(contract)})
    return examine(looked.transport, looked.host, contract, time.monotonic())


def prove_part(settings: Settings, looked: Looked, roles: tuple[str, ...]) -> HostHealth | None:
    """Look at a host after some roles ran; its marker returns only where the kept contract holds whole.

    None where the host has no contract yet: then there is nothing to hold it against.
    """
    assert looked.transport is not None
    kept = contracts.read(settings.state, looked.host.name)
    if kept is None:
        return None
    health = examine(looked.transport, looked.host, kept, time.monotonic())
    if any(one.check is not MARKER for one in health.failures("state")):
        return health
    agent.call(looked.transport, "marker", {"contract": contracts.to_json(kept)})
    return examine(looked.transport, looked.host, kept, time.monotonic())


def unproven(health: HostHealth, roles: tuple[str, ...]) -> Failure | None:
    """Return the first state check that does not hold, of the roles that ran; live checks belong to health."""
    failures = [one for one in health.failures("state") if not roles or one.check.role in roles]
    if not failures:
        return None
    first = failures[0]
    message = f"{first.check.name}: expected {first.expected}, observed {first.observed}"
    return Failure(first.check.role, PROOF, message, first.check.mend)


def _contract(settings: Settings, host: Host, run: HostRun) -> Contract:
    rendered = _rendered(run)
    return Contract(
        host=host.name,
        checks=load(rendered["checks"], "rendered checks"),
        roles={one.role: tree.role_digest(one.role) for one in run.roles if one.role},
        mode=settings.mode or host.mode or "production",
        commit=tree.commit(),
        deployed_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        deployed_by=owner().partition(" ")[0],
        persistent_root=rendered["persistent_root"],
        runtime=rendered["runtime"],
    )


def _rendered(run: HostRun) -> dict[str, Any]:
    value = run.rendered
    if not isinstance(value, dict):
        raise DgopsError(
            f"the playbook rendered no checks for {run.host}", "does playbooks/site.yml end with contract?"
        )
    return value
