"""Base, home and host as plain values: what each side changed, what a sync may conclude and what it may not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.git.entry import FILE, LINK, PROGRAM, Entry
from dgops.sync.names import folders_of, refusal, under

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# A tree that lost more than this share of its files is taken for an accident.
MOST_LOST = 0.2


@dataclass(frozen=True)
class Change:
    """One path that differs: A added, M modified, D deleted."""

    kind: str
    path: str


@dataclass(frozen=True)
class Sides:
    """Who changed which paths since the base; `both` changed them differently, `same` alike."""

    home: tuple[str, ...]
    host: tuple[str, ...]
    both: tuple[str, ...]
    same: tuple[str, ...]

    @property
    def word(self) -> str:
        """The state of the two sides in one word or two."""
        if self.both or (self.home and self.host):
            return "both edited"
        return "edited on host" if self.host else "home ahead" if self.home else "parity"


def within(entries: Mapping[str, Entry], folders: Collection[str]) -> dict[str, Entry]:
    """Return the paths that lie below one of the folders."""
    heads = tuple(f"{folder}/" for folder in folders)
    return {path: entry for path, entry in entries.items() if path.startswith(heads)}


def replica(base: Mapping[str, Entry], seen: Mapping[str, Entry], unseen: Collection[str]) -> dict[str, Entry]:
    """Return what a host holds, where what could not be looked at counts as unchanged.

    `unseen` are files and folders that are there but could not be taken; paths of the base that no host could send
    are unseen as well. Nothing unseen is ever inferred to be deleted.
    """
    return _beside(seen, {path: entry for path, entry in base.items() if under(path, unseen) or refusal(path)})


def unsent(
    base: Mapping[str, Entry], host: Mapping[str, Entry], sent: Sequence[Mapping[str, Entry]]
) -> dict[str, Entry]:
    """Return what a host holds, with the base's side of each path that is there as home has sent it.

    Home's own is nobody's edit there, and what home took away is no loss.
    """
    paths = [one.path for one in changes(base, host)]
    ours = {path for path in paths if any(tree.get(path) == host.get(path) for tree in sent)}
    theirs = {path: entry for path, entry in host.items() if path not in ours}
    return _beside(theirs, {path: base[path] for path in ours if path in base})


def with_modes(base: Mapping[str, Entry], seen: Mapping[str, Entry], *, held: bool) -> dict[str, Entry]:
    """Return entries with the base's executable bits, where the side they were seen on cannot hold them."""
    if held:
        return dict(seen)
    return {path: _with_mode(entry, base.get(path)) for path, entry in seen.items()}


def changes(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> tuple[Change, ...]:
    """Return how one side differs from the other, sorted by path."""
    differ = {path for path, _ in old.items() ^ new.items()}
    return tuple(Change("A" if path not in old else "D" if path not in new else "M", path) for path in sorted(differ))


def compare(base: Mapping[str, Entry], home: Mapping[str, Entry], host: Mapping[str, Entry]) -> Sides:
    """Return who changed what since the base; the contents of `both` are for git to merge."""
    by_home = {one.path for one in changes(base, home)}
    by_host = {one.path for one in changes(base, host)}
    differ = {one.path for one in changes(home, host)}
    shared = by_home & by_host
    return Sides(
        home=tuple(sorted(by_home - by_host)),
        host=tuple(sorted(by_host - by_home)),
        both=tuple(sorted(shared & differ)),
        same=tuple(sorted(shared - differ)),
    )


def lost(base: Mapping[str, Entry], host: Mapping[str, Entry]) -> tuple[str, ...]:
    """Return the base's files that a host no longer has; one that was moved there with its content is not lost."""
    arrived: dict[str, int] = {}
    for path in host.keys() - base.keys():
        arrived[host[path].id] = arrived.get(host[path].id, 0) + 1
    gone = []
    for path in sorted(base.keys() - host.keys()):
        if arrived.get(base[path].id, 0):
            arrived[base[path].id] -= 1
        else:
            gone.append(path)
    return tuple(gone)


def too_many(gone: Sequence[str], total: int) -> bool:
    """Return whether so many of a tree's files are lost that nobody should believe it."""
    return len(gone) > MOST_LOST * total


def push_order(host: Mapping[str, Entry], target: Mapping[str, Entry]) -> tuple[Change, ...]:
    """Return what makes the host's side the target: what goes first, so that a folder can come where a file was."""
    wanted = changes(host, target)
    return tuple(sorted(wanted, key=lambda one: (one.kind != "D", one.path)))


def saved_in(differing: Mapping[str, Entry], tree: Mapping[str, Entry]) -> bool:
    """Return whether a tree holds all of these paths with just this content."""
    return all(tree.get(path) == entry for path, entry in differing.items())


def _beside(entries: Mapping[str, Entry], more: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return entries and more; a file where a folder is (or the other way) is left out: both cannot be."""
    if not more:
        return dict(entries)
    folders = folders_of(entries)
    fitting = {path: one for path, one in more.items() if path not in folders and not under(path, entries)}
    return {**fitting, **entries}


def _with_mode(entry: Entry, known: Entry | None) -> Entry:
    if entry.mode == LINK:
        return entry
    return Entry(known.mode if known and known.mode in (FILE, PROGRAM) else FILE, entry.id)
