"""A host: its name, how it is reached, and the variables that its inventory gives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Host:
    """One host of an inventory; `connection` is ssh, local or fake."""

    name: str
    connection: str = "ssh"
    address: str = ""
    port: int | None = None
    user: str | None = None
    identity: Path | None = None
    groups: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    inventory: Path = Path()

    @property
    def alias(self) -> str:
        """The name that the host's key is pinned under, whatever its address and port; a rented pod's is its id's."""
        pod = self.variables.get("runpod_id")
        return f"runpod-{pod}" if pod else f"dgops-{self.name}"

    @property
    def away(self) -> str:
        """Why there is nothing to connect to now, as its inventory says; empty where nothing speaks against it."""
        return str(self.variables.get("runpod_away") or "")

    @property
    def mode(self) -> str | None:
        """The mode that its inventory sets, if any."""
        value = self.variables.get("dgops_mode")
        return str(value) if value else None
