"""Bytes to and from a host's mapped folders, a few megabytes at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import RemoteError
from dgops.git.entry import Entry, blob_id
from dgops.sync.names import shortened
from dgops.transport import agent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dgops.sync.snapshot import Seen
    from dgops.sync.state import Marker
    from dgops.transport.protocol import Transport

BATCH_BYTES = 4 << 20
BATCH_FILES = 500
SECONDS = 120.0
# The slowest link that a large file is given time for.
BYTES_PER_SECOND = 100_000
DONE, DIFFERS = "done", "differs"


@dataclass(frozen=True)
class Wanted:
    """A file of a host: where it lies there, what was seen of it, and the place at home that it is for."""

    root: str
    path: str
    seen: Seen
    target: Path

    @property
    def is_small(self) -> bool:
        """Whether all of it comes in one piece."""
        return self.seen.size <= BATCH_BYTES

    def is_in(self, content: bytes) -> bool:
        """Return whether these are the bytes that were seen."""
        return len(content) == self.seen.size and blob_id(content) == self.seen.id


@dataclass(frozen=True)
class Write:
    """One path of a host: what must be there (None: nothing), and what is to be there with its bytes."""

    root: str
    path: str
    expected: Entry | None
    mode: str | None = None
    content: bytes = b""


@dataclass(frozen=True)
class Mark:
    """A mapped folder's marker, and what its host is to remember of it where edits there are spooled."""

    root: str
    marker: Marker
    keep: dict[str, Any] | None = None


def fetch(transport: Transport, wanted: Sequence[Wanted]) -> set[Path]:
    """Bring files here; returns the targets whose bytes are no longer those that were seen."""
    for pieces in read(transport, wanted):
        for one, piece in pieces:
            one.target.parent.mkdir(parents=True, exist_ok=True)
            with one.target.open("ab") as stream:
                stream.write(piece)
    return {one.target for one in wanted if not one.is_in(one.target.read_bytes())}


def read(transport: Transport, wanted: Sequence[Wanted]) -> Iterator[list[tuple[Wanted, bytes]]]:
    """Yield what files hold, a few megabytes at a time; a small one comes in one piece."""
    for batch in _batches(wanted):
        lengths, content = _read(transport, batch)
        position, pieces = 0, []
        for (one, _, asked), length in zip(batch, lengths, strict=True):
            if length > asked:
                raise RemoteError("the agent's replica sent more than it was asked for")
            pieces.append((one, content[position : position + max(0, length)]))
            position += max(0, length)
        yield pieces


def _batches(wanted: Sequence[Wanted]) -> Iterator[list[tuple[Wanted, int, int]]]:
    """Yield lists of (file, offset, length): many small ones at once, large ones in parts."""
    batch: list[tuple[Wanted, int, int]] = []
    room = BATCH_BYTES
    for one in wanted:
        for offset in range(0, max(1, one.seen.size), BATCH_BYTES):
            length = min(BATCH_BYTES, one.seen.size - offset)
            if batch and (length > room or len(batch) >= BATCH_FILES):
                yield batch
                batch, room = [], BATCH_BYTES
            batch.append((one, offset, length))
            room -= length
    if batch:
        yield batch


def _read(transport: Transport, batch: list[tuple[Wanted, int, int]]) -> tuple[list[int], bytes]:
    files = [{"root": one.root, "path": one.path, "offset": offset, "length": length} for one, offset, length in batch]
    answer, content = agent.exchange(transport, "replica", {"op": "read", "files": files}, timeout=SECONDS)
    lengths = answer.get("lengths")
    sound = isinstance(lengths, list) and len(lengths) == len(batch) and all(isinstance(one, int) for one in lengths)
    if not sound or sum(max(0, one) for one in lengths or []) != len(content):
        raise _no_answer(answer)
    return list(lengths or []), content


def write(transport: Transport, writes: Sequence[Write]) -> dict[tuple[str, str], str]:
    """Change files on a host; returns what became of each (root, path): done, differs, or why not."""
    results: dict[tuple[str, str], str] = {}
    batch: list[Write] = []
    for one in writes:
        full = sum(len(other.content) for other in batch) + len(one.content) > BATCH_BYTES
        if batch and (full or len(batch) >= BATCH_FILES):
            results |= _write(transport, batch)
            batch = []
        batch.append(one)
    return results | (_write(transport, batch) if batch else {})


def _write(transport: Transport, batch: Sequence[Write]) -> dict[tuple[str, str], str]:
    files = [
        {
            "root": one.root,
            "path": one.path,
            "expect": [one.expected.mode, one.expected.id] if one.expected else None,
            "entry": [one.mode, len(one.content)] if one.mode else None,
        }
        for one in batch
    ]
    payload = b"".join(one.content for one in batch)
    timeout = SECONDS + len(payload) / BYTES_PER_SECOND
    answer, _ = agent.exchange(transport, "replica", {"op": "write", "files": files}, payload, timeout=timeout)
    results = answer.get("results")
    if not isinstance(results, list) or len(results) != len(batch):
        raise _no_answer(answer)
    return {(one.root, one.path): shortened(str(result)) for one, result in zip(batch, results, strict=True)}


def mark(transport: Transport, marks: Sequence[Mark]) -> set[str]:
    """Write the markers of mapped folders, and have those that a `keep` is given for spooled from now on.

    Returns the roots whose `keep` does not fit what their host has noted.
    """
    rows: list[dict[str, Any]] = [
        {"root": one.root, "marker": {"id": one.marker.id, "base": one.marker.base}, "keep": one.keep} for one in marks
    ]
    answer, _ = agent.exchange(transport, "replica", {"op": "mark", "marks": rows}, timeout=SECONDS)
    stale = answer.get("stale")
    if not isinstance(answer.get("modes"), list) or not isinstance(stale, list):
        raise _no_answer(answer)
    return {str(root) for root in stale}


def _no_answer(answer: dict[str, Any]) -> RemoteError:
    said = f": {shortened(str(answer['refused']), 300)}" if "refused" in answer else " answered with something else"
    return RemoteError(f"the agent's replica{said}")
