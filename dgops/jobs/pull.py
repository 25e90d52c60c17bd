"""Outputs on their way home: what the host offers is held to what was declared, verified, and never believed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, RemoteError
from dgops.jobs import landing, names
from dgops.jobs.ask import Ask
from dgops.jobs.offers import offered
from dgops.jobs.progress import Moved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from dgops.jobs.job import Output
    from dgops.jobs.link import Link
    from dgops.jobs.offers import Offer
    from dgops.jobs.progress import Watcher

ROUND_BYTES = 16 << 20
ROUND_FILES = 1000
# From this size on, in bytes, a file comes in a stream of its own.
LARGE = 64 << 20
LONG = 600.0
MOST_SHOWN = 10


@dataclass(frozen=True)
class Brought:
    """A file that is home: its path here, sha256 and size in bytes."""

    path: Path
    sha256: str
    size: int


@dataclass(frozen=True)
class Pulled:
    """What came home and below which files or folders, and what was declared and is not there."""

    files: tuple[Brought, ...]
    moved: Moved
    places: tuple[Path, ...] = ()
    missing: tuple[str, ...] = ()


def pull(link: Link, base: str, user: str, job: str, outputs: Sequence[Output], watcher: Watcher) -> Pulled:
    """Bring a job's outputs home; what is here already with the same content stays as it is.

    Raises DgopsError before anything is written where the host offers names that lead elsewhere, and after the
    rest is home where a file changed while it was read.
    """
    started = time.monotonic()
    offers: list[Offer] = []
    missing: list[str] = []
    ask = Ask(link, base, user, job)
    for output in outputs:
        found, absent = offered(ask, output, watcher)
        offers += found
        missing += [output.path] if absent else []
    # Outputs may lie in one another.
    offers = list({one.landing.path: one for one in offers}.values())
    wanted, changed = bring(link, user, offers, watcher)
    if changed:
        raise DgopsError(
            f"{link.host.name}: changed while it was read: {_some(changed)}",
            f"the rest is home; when nothing writes there any more:  dgops jobs pull {job}",
        )
    moved = Moved(
        len(offers), sum(one.size for one in offers), len(offers) - len(wanted), time.monotonic() - started, len(wanted)
    )
    return Pulled(files_of(offers), moved, tuple(dict.fromkeys(one.landing.root for one in offers)), tuple(missing))


def files_of(offers: Sequence[Offer]) -> tuple[Brought, ...]:
    """Return offers as the files that they are at home."""
    return tuple(Brought(one.landing.path, one.sha256, one.size) for one in offers)


def bring(
    link: Link, user: str, offers: list[Offer], watcher: Watcher, go: Callable[[], bool] = lambda: True
) -> tuple[list[Offer], list[str]]:
    """Fetch what is not here yet of what a host offers; returns what that was, and what changed meanwhile.

    Raises DgopsError where a place is taken or there is no room. Where `go` says no it stops between two rounds.
    """
    _require_apart(link.host.name, offers)
    wanted = [one for one in offers if not one.landing.holds(one.sha256, one.size)]
    size = sum(one.size for one in wanted)
    landing.require_room([one.landing for one in wanted], size)
    return wanted, _bring(link, user, wanted, watcher, go)


def _require_apart(host: str, offers: list[Offer]) -> None:
    """Refuse names that would be one file here or elsewhere, and places that are taken by something else."""
    pairs = names.clashing(str(one.landing.path) for one in offers)
    if pairs:
        shown = _some([f"{first} and {second}" for first, second in pairs])
        raise DgopsError(
            f"{host}: names that some file systems take for one: {shown}",
            "nothing was written here; rename them on the host, then pull again",
        )
    taken = [wrong for one in offers if (wrong := one.landing.obstacle())]
    if taken:
        raise DgopsError(f"in the way of the outputs: {_some(taken)}", "move it aside, then pull again")


def _bring(link: Link, user: str, wanted: list[Offer], watcher: Watcher, go: Callable[[], bool]) -> list[str]:
    """Fetch the files, large ones each in a stream of its own; returns those that are not what was offered."""
    moving = _Moving(watcher, sum(one.size for one in wanted))
    large = [one for one in wanted if one.size >= LARGE]
    changed = _bring_rounds(link, user, [one for one in wanted if one.size < LARGE], moving, go)
    for one in large:
        if not go():
            break
        if not _bring_large(link, user, one, moving, go):
            changed.append(one.name)
    return changed


def _bring_rounds(link: Link, user: str, wanted: list[Offer], moving: _Moving, go: Callable[[], bool]) -> list[str]:
    changed: list[str] = []
    for root, batch in _rounds(wanted):
        if not go():
            break
        request = {
            "op": "read",
            "root": root,
            "user": user,
            "files": [{"path": one.name, "offset": offset, "length": length} for one, offset, length in batch],
        }
        answer, data = link.exchange("files", request, timeout=LONG)
        lengths = _lengths(link, answer, data, [length for _, _, length in batch])
        position = 0
        for (one, offset, length), got in zip(batch, lengths, strict=True):
            piece = data[position : position + got]
            position += got
            if one.name in changed:
                continue
            whole = got == length and one.landing.write(offset, piece, one.sha256, one.size, one.executable)
            if not whole:
                one.landing.give_up(one.sha256)
                changed.append(one.name)
        moving.on(len(data))
    return changed


def _bring_large(link: Link, user: str, one: Offer, moving: _Moving, go: Callable[[], bool]) -> bool:
    """Fetch one file; returns whether it is what was offered, or could still become it."""
    begun = one.landing.begun(one.sha256, one.size)
    with one.landing.arriving(begun, one.sha256, one.size, one.executable) as arrival:

        def ask() -> dict[str, Any]:
            where = {"root": one.root, "user": user, "path": one.name}
            return {"op": "stream", **where, "offset": arrival.done, "length": one.size - arrival.done}

        def take(piece: bytes) -> None:
            if not go():
                raise _Stopped
            arrival.take(piece)
            moving.on(len(piece))

        try:
            link.stream("files", ask, take)
        except _Stopped:
            return True
        whole = arrival.finish()
    if not whole:
        one.landing.give_up(one.sha256)
    return whole


class _Stopped(Exception):  # noqa: N818 - nothing went wrong
    """Nobody wants the rest any more."""


class _Moving:
    """How much of the whole is home, told now and then."""

    def __init__(self, watcher: Watcher, size: int) -> None:
        self.watcher, self.size, self.done, self.told = watcher, size, 0, 0

    def on(self, count: int) -> None:
        """Count bytes that came."""
        self.done += count
        if self.done - self.told >= ROUND_BYTES or self.done == self.size:
            self.told = self.done
            self.watcher.moving("home", self.done, self.size)


def _rounds(wanted: list[Offer]) -> Iterator[tuple[str, list[tuple[Offer, int, int]]]]:
    batch: list[tuple[Offer, int, int]] = []
    room, root = ROUND_BYTES, ""
    for one, offset, length in _pieces(wanted):
        if batch and (length > room or len(batch) >= ROUND_FILES or one.root != root):
            yield root, batch
            batch, room = [], ROUND_BYTES
        root = one.root
        batch.append((one, offset, length))
        room -= length
    if batch:
        yield root, batch


def _pieces(wanted: list[Offer]) -> Iterator[tuple[Offer, int, int]]:
    for one in wanted:
        begin = one.landing.begun(one.sha256, one.size)
        for offset in range(begin, max(one.size, begin + 1), ROUND_BYTES):
            yield one, offset, min(ROUND_BYTES, one.size - offset)


def _lengths(link: Link, answer: dict[str, Any], data: bytes, asked: list[int]) -> list[int]:
    got = answer.get("lengths")
    good = isinstance(got, list) and len(got) == len(asked)
    good = good and all(isinstance(one, int) and 0 <= one <= most for one, most in zip(got or (), asked, strict=True))
    if not good or sum(got or ()) != len(data):
        raise RemoteError(f"{link.host.name} sent other bytes than it was asked for", "nothing of them was kept")
    return list(got or ())


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - MOST_SHOWN} more" if len(texts) > MOST_SHOWN else ""
    return ", ".join(texts[:MOST_SHOWN]) + more
