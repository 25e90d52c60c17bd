"""What every transport can do: run argv, put and get files, tunnel a port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path


@dataclass(frozen=True)
class Completed:
    """A command that ended on a host."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes
    seconds: float

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode(errors="replace")

    @property
    def complaint(self) -> str:
        """The last lines of standard error, else of standard output."""
        text = self.stderr.decode(errors="replace").strip() or self.text.strip()
        return "\n".join(text.splitlines()[-5:])


class Channel(Protocol):
    """A command that is talked with while it runs; its methods raise TimeoutError at `until` (time.monotonic)."""

    @property
    def name(self) -> str:
        """The host's."""
        ...

    def send(self, data: bytes, until: float) -> None:
        """Hand it some input; one that reads no more is no error: its output has an end then."""
        ...

    def receive(self, until: float) -> bytes:
        """Wait for some output; nothing is its end, or the connection's."""
        ...

    def close(self) -> None:
        """Let go of it: its input ends, and what it says still is not heard."""
        ...


class Transport(Protocol):
    """One open way to one host. Every method has a deadline and raises UnreachableError when the way is cut."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 60.0) -> Completed:
        """Run argv on the host; quoting is the transport's business. A non-zero exit is not an error here."""
        ...

    def open(self, argv: Sequence[str]) -> Channel:
        """Start argv on the host and talk with it; raises NoSessionError where the host allows no further one."""
        ...

    def put(self, content: bytes | Path, remote: str, *, mode: int = 0o600) -> None:
        """Write a file on the host: to a temporary name beside it, then renamed."""
        ...

    def get(self, remote: str, local: Path) -> None:
        """Fetch a file from the host: to a temporary name beside it, then renamed."""
        ...

    def tunnel(self, port: int) -> AbstractContextManager[int]:
        """Forward a local port on loopback to a port on the host's loopback; yields the local port."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...
