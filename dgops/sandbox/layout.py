"""Where one sandbox keeps its things, and what its containers are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.files import digest_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.settings import Settings


@dataclass(frozen=True)
class Layout:
    """One sandbox; `identity` is a digest of its state folder, so that two clones never meet."""

    identity: str
    folder: Path
    inventory: Path
    known_hosts: Path
    cache: Path

    @property
    def key(self) -> Path:
        """The private key that opens every host of this sandbox."""
        return self.folder / "id_ed25519"

    @property
    def records(self) -> Path:
        """The folder with one JSON file per host."""
        return self.folder / "hosts"

    @property
    def label(self) -> str:
        """The label on everything that the engine holds for this sandbox."""
        return f"dgops.sandbox={self.identity}"

    @property
    def prefix(self) -> str:
        """What the names of its containers and volumes begin with."""
        return f"dgops-{self.identity}-"

    @property
    def network(self) -> str:
        """The network that its containers share."""
        return f"dgops-{self.identity}"

    def container(self, name: str) -> str:
        """Return the container's name for a host."""
        return f"{self.prefix}{name}"

    def volume(self, name: str, purpose: str) -> str:
        """Return the name of a host's volume."""
        return f"{self.prefix}{name}-{purpose}"


def layout_of(settings: Settings) -> Layout:
    """Lay out the sandbox that belongs to these settings."""
    state = settings.state.resolve()
    return Layout(
        identity=digest_bytes(str(state).encode())[:8],
        folder=state / "sandbox",
        inventory=settings.root.resolve() / "inventories" / "sandbox",
        known_hosts=state / "known_hosts",
        cache=settings.cache.resolve() / "rootfs",
    )
