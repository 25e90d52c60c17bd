"""The contract of a host: its rendered checks and the digests of what the roles that keep them read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dgops.errors import ConfigError, DgopsError
from dgops.files import digest_bytes, write_json
from dgops.health.check import Check, dump, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION = 2


@dataclass(frozen=True)
class Contract:
    """What a deploy left true on a host. Kept on the controller; the host carries a copy as its marker.

    roles holds for each role the keyed digests of the inputs that it ran with, paths the controller's files that it
    reads, asked what the agent was asked to look at.
    """

    host: str
    checks: tuple[Check, ...]
    roles: Mapping[str, Mapping[str, str]]
    mode: str
    commit: str
    deployed_at: str
    deployed_by: str
    persistent_root: str
    runtime: str
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The sha256 over everything that the contract says."""
        return digest_bytes(json.dumps(_body(self), sort_keys=True).encode())


def to_json(contract: Contract) -> dict[str, Any]:
    """Return the contract with its id, as it is kept and carried."""
    return {"id": contract.id, **_body(contract)}


def path_of(state: Path, host: str) -> Path:
    """Return where the controller keeps a host's contract."""
    # A name may hold what a path means something by: ../../x is a host that Ansible takes.
    return state / "contracts" / f"{quote(host, safe='')}.json"


def save(contract: Contract, state: Path) -> None:
    """Keep the contract on the controller."""
    write_json(path_of(state, contract.host), to_json(contract), mode=0o600)


def read(state: Path, host: str) -> Contract | None:
    """Return the kept contract, None where the host was never deployed from here.

    Raises DgopsError where the file is damaged or of another version: it is never half believed.
    """
    path = path_of(state, host)
    if not path.exists():
        return None
    try:
        return from_json(json.loads(path.read_text()), str(path))
    except (AttributeError, ConfigError, KeyError, OSError, TypeError, ValueError) as error:
        raise DgopsError(
            f"the contract of {host} cannot be read: {path}: {error}", f"dgops deploy --host {host}"
        ) from error


def from_json(body: Mapping[str, Any], source: str) -> Contract:
    """Return the contract that to_json wrote; raises ValueError, or what a damaged one brings about."""
    if body["version"] != VERSION:
        raise ValueError(f"version {body['version']}, this dgops reads {VERSION}")
    contract = Contract(
        host=body["host"],
        checks=load(body["checks"], source),
        roles={role: dict(inputs) for role, inputs in body["roles"].items()},
        mode=body["mode"],
        commit=body["commit"],
        deployed_at=body["deployed_at"],
        deployed_by=body["deployed_by"],
        persistent_root=body["persistent_root"],
        runtime=body["runtime"],
        paths={role: tuple(paths) for role, paths in body["paths"].items()},
        asked=dict(body["asked"]),
    )
    if contract.id != body["id"]:
        raise ValueError("its id does not match what it says")
    return contract


def _body(contract: Contract) -> dict[str, Any]:
    return {
        "version": VERSION,
        "host": contract.host,
        "checks": [dump(check) for check in contract.checks],
        "roles": {role: dict(inputs) for role, inputs in contract.roles.items()},
        "mode": contract.mode,
        "commit": contract.commit,
        "deployed_at": contract.deployed_at,
        "deployed_by": contract.deployed_by,
        "persistent_root": contract.persistent_root,
        "runtime": contract.runtime,
        "paths": {role: list(paths) for role, paths in contract.paths.items()},
        "asked": dict(contract.asked),
    }
