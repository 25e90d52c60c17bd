"""Where ComfyUI is on a host, by the contract that a deploy left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import UsageError
from dgops.jobs.ready import base_of, deployed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.health.contract import Contract
    from dgops.hosts.host import Host
    from dgops.settings import Settings


@dataclass(frozen=True)
class Installed:
    """Where ComfyUI listens on a host by its contract, and the node classes that it must have."""

    url: str
    nodes: tuple[str, ...]
    base: str
    mode: str

    @property
    def port(self) -> int:
        """The port on the host's loopback."""
        return int(self.url.rpartition(":")[2])


def installed(host: Host, settings: Settings) -> Installed:
    """Return what the host's contract says of ComfyUI; raises UsageError where nobody asked for one there."""
    kept = deployed(host, settings)
    found = _check(kept)
    if found is None:
        raise UsageError(
            f"{host.name} has no ComfyUI",
            f"in the inventory: dgops_apps: [comfyui]; then: dgops deploy --host {host.name}",
        )
    return Installed(str(found["url"]), tuple(map(str, found.get("nodes") or ())), base_of(kept), kept.mode)


def _check(kept: Contract) -> Mapping[str, Any] | None:
    return next((one.wanted for one in kept.checks if (one.role, one.type) == ("comfyui", "comfyui")), None)
