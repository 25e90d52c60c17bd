"""A host that is a script: what it answers is written down, what it was asked is kept."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dgops.errors import RemoteError, UnreachableError
from dgops.transport.channel import NoSessionError
from dgops.transport.local import NOT_FOUND
from dgops.transport.protocol import Channel, Completed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """What a command answers; `argv` matches by its first words, so that ("df",) answers every df."""

    argv: tuple[str, ...]
    stdout: bytes = b""
    stderr: bytes = b""
    returncode: int = 0
    unreachable: str = ""


@dataclass
class FakeTransport:
    """A host without a machine, for tests and for looking around offline."""

    name: str = "fake"
    answers: Sequence[Answer] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    calls: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)
    closed: bool = False

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 60.0) -> Completed:
        """Give the answer whose first words fit best; a command without one is not found."""
        words = tuple(argv)
        self.calls.append((words, stdin))
        fitting = [answer for answer in self.answers if words[: len(answer.argv)] == answer.argv]
        if not fitting:
            return Completed(words, NOT_FOUND, b"", f"{words[0]}: not found\n".encode(), 0.0)
        answer = max(fitting, key=lambda answer: len(answer.argv))
        if answer.unreachable:
            raise UnreachableError(f"{self.name}: {answer.unreachable}")
        return Completed(words, answer.returncode, answer.stdout, answer.stderr, 0.0)

    def open(self, argv: Sequence[str]) -> Channel:
        """Refuse: what a script answers is one command's output."""
        raise NoSessionError(f"{self.name}: no further session: {argv[0]}")

    def put(self, content: bytes | Path, remote: str, *, mode: int = 0o600) -> None:
        """Keep the content under the remote name."""
        self.files[remote] = content if isinstance(content, bytes) else content.read_bytes()

    def get(self, remote: str, local: Path) -> None:
        """Write what was kept under the remote name."""
        if remote not in self.files:
            raise RemoteError(f"{self.name}: reading {remote}: no such file or folder")
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(self.files[remote])

    @contextlib.contextmanager
    def tunnel(self, port: int) -> Iterator[int]:
        """Yield the port itself."""
        yield port

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


def from_variables(name: str, variables: Mapping[str, Any]) -> FakeTransport:
    """Read the script of a host with `ansible_connection: fake` from its variable `dgops_fake_answers`."""
    rows = variables.get("dgops_fake_answers") or []
    return FakeTransport(name, tuple(_answer(row) for row in rows))


def _answer(row: Mapping[str, Any]) -> Answer:
    return Answer(
        tuple(str(word) for word in row["argv"]),
        str(row.get("stdout", "")).encode(),
        str(row.get("stderr", "")).encode(),
        int(row.get("returncode", 0)),
        str(row.get("unreachable", "")),
    )
