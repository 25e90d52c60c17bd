"""The host's side of a sync: files that are still what home believes them to be become what home has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.git import blobs
from dgops.git.entry import SUBMODULE, Entry
from dgops.sync import transfers
from dgops.sync.host_side import Skipped
from dgops.sync.maps import there
from dgops.sync.names import under

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.git.repository import Repository
    from dgops.sync.host_side import HostSide
    from dgops.sync.maps import Map
    from dgops.sync.reconcile import Change
    from dgops.transport.protocol import Transport

# Held in memory at once.
FILES = 100


def push(
    repository: Repository,
    commit: str,
    target: Mapping[str, Entry],
    todo: Sequence[Change],
    side: HostSide,
    transport: Transport,
    maps: Sequence[Map],
) -> tuple[Skipped, ...]:
    """Make the host's side the target, path by path; returns what was left alone and why."""
    skipped: list[Skipped] = []
    for start in range(0, len(todo), FILES):
        batch = list(todo[start : start + FILES])
        blind = [one.path for one in batch if under(one.path, side.unseen)]
        skipped += [
            Skipped(path, "not pushed: the host has something there that could not be read", False) for path in blind
        ]
        paths = [one.path for one in batch if one.path not in blind]
        contents = blobs.checked_out(
            repository, commit, {path: target[path] for path in paths if path in target and _writable(target[path])}
        )
        writes = [_write(path, target.get(path), contents.get(path, b""), side, maps) for path in paths]
        results = transfers.write(transport, writes)
        for path in paths:
            result = results[there(path, maps)]
            if result == transfers.DIFFERS:
                skipped.append(Skipped(path, "not pushed: it was edited on the host meanwhile", False))
            elif result != transfers.DONE:
                skipped.append(Skipped(path, f"not pushed: {result}", False))
    return tuple(skipped)


def _writable(entry: Entry) -> bool:
    return entry.mode != SUBMODULE


def _write(path: str, wanted: Entry | None, content: bytes, side: HostSide, maps: Sequence[Map]) -> transfers.Write:
    seen = side.files.get(path)
    expected = Entry(seen.mode, seen.id) if seen else None
    root, below = there(path, maps)
    return transfers.Write(root, below, expected, wanted.mode if wanted else None, content)
