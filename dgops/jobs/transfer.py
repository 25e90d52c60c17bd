"""Inputs on their way to a host: only what its mirror lacks, in parts, gone on with after a cut."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, RemoteError
from dgops.jobs.mirror import Mirror, Part
from dgops.jobs.progress import Moved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dgops.jobs.link import Link
    from dgops.jobs.progress import Watcher
    from dgops.jobs.source import Source, SourceFile

# What goes in one round trip: bytes, and files where they are small.
ROUND_BYTES, ROUND_FILES = 16 << 20, 1000


def upload(link: Link, base: str, user: str, sources: Sequence[Source], watcher: Watcher) -> Moved:
    """Make each input's mirror on the host equal to it; returns what went over."""
    started = time.monotonic()
    mirrors = [Mirror(link, base, user, source) for source in sources]
    wanted = [(mirror, *mirror.look()) for mirror in mirrors]
    size = sum(mirror.source.files[name].size for mirror, names, _ in wanted for name in names)
    done = 0
    for mirror, names, others in wanted:
        for batch in rounds({name: mirror.source.files[name] for name in names}, mirror.begun(names, ROUND_BYTES)):
            _send(mirror, batch)
            done += sum(part.length for part in batch)
            watcher.moving("upload", done, size)
        # What came half way is trimmed with the next files that come; a trip for nothing else would double the time.
        if names or others or not mirror.source.files:
            mirror.ask("trim", keep=list(mirror.source.files))
    files = [one for source in sources for one in source.files.values()]
    sent = sum(len(names) for _, names, _ in wanted)
    moved = Moved(len(files), sum(one.size for one in files), len(files) - sent, time.monotonic() - started, sent)
    watcher.uploaded(moved)
    return moved


def rounds(files: dict[str, SourceFile], begun: dict[str, int]) -> Iterator[list[Part]]:
    """Yield the pieces of files, so many at once as go in one round trip; `begun` tells how much is there already."""
    batch: list[Part] = []
    room = ROUND_BYTES
    for part in (part for name, one in files.items() for part in _parts(name, one, begun.get(name, 0))):
        if batch and (part.length > room or len(batch) >= ROUND_FILES):
            yield batch
            batch, room = [], ROUND_BYTES
        batch.append(part)
        room -= part.length
    if batch:
        yield batch


def _parts(name: str, file: SourceFile, begin: int) -> Iterator[Part]:
    for offset in range(begin, max(file.size, 1), ROUND_BYTES):
        yield Part(name, file, offset, min(ROUND_BYTES, file.size - offset))


def _send(mirror: Mirror, batch: list[Part]) -> None:
    cuts = mirror.link.cuts
    try:
        _put(mirror, batch)
    except RemoteError:
        raise
    except DgopsError:
        # A cut can lose the answer after the work was done: a whole file's parts are gone then, and its last
        # one is refused when it comes again.
        if mirror.link.cuts == cuts:
            raise
        _send_again(mirror, batch)


def _send_again(mirror: Mirror, batch: list[Part]) -> None:
    """Send what the host has not of a batch, from where its own part of each file ends."""
    names = [part.name for part in batch if part.last]
    lacking = set(mirror.lacking(names)) if names else set()
    for part in batch:
        if part.last and part.name not in lacking:
            continue
        held = mirror.begun([part.name], 0).get(part.name, 0) if part.offset else 0
        end = part.offset + part.length
        for offset in range(min(held, part.offset), max(end, 1), ROUND_BYTES):
            _put(mirror, [Part(part.name, part.file, offset, min(ROUND_BYTES, end - offset))])


def _put(mirror: Mirror, batch: list[Part]) -> None:
    mirror.ask("put", b"".join(part.content() for part in batch), files=[part.to_json() for part in batch])
