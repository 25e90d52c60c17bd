"""Prove a host: look whether what ran left it as its roles promise, and write the contract, here and there."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from dgops.deploy import inputs, tree
from dgops.deploy.events import Failure
from dgops.deploy.lease import owner
from dgops.errors import DgopsError
from dgops.health import contract as contracts
from dgops.health.check import load
from dgops.health.contract import Contract
from dgops.health.look import MARKER, examine, judge_marker
from dgops.transport import agent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.deploy.events import HostRun
    from dgops.deploy.inputs import Declared
    from dgops.deploy.look import Looked
    from dgops.health.look import HostHealth
    from dgops.settings import Settings

PROOF = "Prove the host"
WAKING = 20.0


@dataclass(frozen=True)
class Proof:
    """What the look after a run found; None where there is no whole contract yet to hold the host against."""

    health: HostHealth | None = None
    kept: Contract | None = None


def prove(settings: Settings, declared: Declared, looked: Looked, run: HostRun) -> Proof:
    """Merge what ran into the host's contract, look, and write it: here always, there where its state holds.

    Roles that did not run keep the inputs that they last ran with, so that a plan made from the new contract shows
    what this run changed under them.
    """
    assert looked.transport is not None
    if looked.kept is None and looked.plan.runs != declared.order:
        return Proof()
    rendered = _rendered(run)
    draft = _contract(settings, declared, looked, rendered)
    wake(looked, draft)
    health = examine(looked.transport, looked.host, draft, time.monotonic())
    digests = inputs.of_host(declared, looked.host, draft, health.seen).digests
    ran = {role: digests[role] for role in declared.order if role in rendered["roles"]}
    contract = replace(draft, roles={**_still_proven(looked, declared), **ran})
    contracts.save(contract, settings.state)
    if all(one.check is MARKER for one in health.failures("state")) or set(contract.roles) == set(declared.order):
        agent.call(looked.transport, "marker", {"contract": contracts.to_json(contract)})
        health = _with_marker(health, contract)
    return Proof(health, contract)


def wake(looked: Looked, kept: Contract | None) -> None:
    """Have the keeper run of a host that is to look at itself: a restart may have ended it, and no role starts it.

    Where it cannot, its live check says so.
    """
    if kept and looked.transport and any(check.type == "watch" for check in kept.checks):
        with suppress(DgopsError):
            agent.call(looked.transport, "watch", {"op": "start"}, timeout=WAKING)


def _with_marker(health: HostHealth, contract: Contract) -> HostHealth:
    """Return what was seen, with the marker as it has just been written there."""
    results = tuple(one for one in health.results if one.check is not MARKER)
    carried = judge_marker(contract, contracts.to_json(contract))
    good = all(one.outcome.value in ("pass", "skip") for one in results)
    outcome = carried.outcome if good else health.outcome
    return replace(health, results=(carried, *results), outcome=outcome, contract=contract)


def unproven(health: HostHealth, roles: Sequence[str]) -> Failure | None:
    """Return the first state check that does not hold, of the roles that ran; live checks belong to health."""
    failures = [one for one in health.failures("state") if not roles or one.check.role in roles]
    if not failures:
        return None
    first = failures[0]
    message = f"{first.check.name}: expected {first.expected}, observed {first.observed}"
    return Failure(first.check.role, PROOF, message, first.check.mend)


def _still_proven(looked: Looked, declared: Declared) -> dict[str, Any]:
    """Return the inputs of the roles that this host's marker vouched for before the run."""
    if looked.kept is None or looked.health is None:
        return {}
    if any(one.check is MARKER for one in looked.health.failures()):
        return {}
    return {role: known for role, known in looked.kept.roles.items() if role in declared.order}


def _contract(settings: Settings, declared: Declared, looked: Looked, rendered: dict[str, Any]) -> Contract:
    ran = rendered["roles"]
    before = looked.kept
    checks = [one for one in before.checks if one.role not in ran] if before else []
    checks += load(rendered["checks"], "rendered checks")
    paths = {**(before.paths if before else {}), **rendered["paths"]}
    return Contract(
        host=looked.host.name,
        checks=tuple(one for role in declared.order for one in checks if one.role == role),
        roles={},
        mode=settings.mode or looked.host.mode or "production",
        commit=tree.commit(),
        deployed_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        deployed_by=owner().partition(" ")[0],
        persistent_root=rendered["persistent_root"],
        runtime=rendered["runtime"],
        paths={role: tuple(found) for role, found in paths.items() if role in declared.order},
        asked=rendered["asked"],
    )


def _rendered(run: HostRun) -> dict[str, Any]:
    value = run.rendered
    if not isinstance(value, dict):
        raise DgopsError(
            f"the playbook rendered no checks for {run.host}", "does playbooks/site.yml end with contract?"
        )
    return value
