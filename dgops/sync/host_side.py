"""The host's side of a sync: what of the mapped folders counts, what is left out and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dgops.git import blobs
from dgops.git.entry import LINK, blob_id
from dgops.sync import names, snapshot
from dgops.sync.names import under

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dgops.git.repository import Repository
    from dgops.sync.maps import Map
    from dgops.sync.snapshot import Folder, Seen, Snapshot
    from dgops.transport.protocol import Transport

# Folders that nobody wants home where the repository ignores them, and that are too large to hash each time.
HEAVY = ("node_modules", ".venv", "venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox")
ELSEWHERE = "name it in .gitignore, or keep it outside of the map"


@dataclass(frozen=True)
class Skipped:
    """A path that is on the host and was not taken; hostile ones are refused, the others only told."""

    path: str
    reason: str
    hostile: bool


@dataclass(frozen=True)
class HostSide:
    """What the mapped folders hold, by path in the repository.

    `unseen`: files and folders that are there but were not taken, so that nothing is concluded about them.
    """

    snapshot: Snapshot
    files: dict[str, Seen] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    unseen: frozenset[str] = frozenset()


def look(
    transport: Transport,
    host: str,
    maps: Sequence[Map],
    repository: Repository,
    tracked: Collection[str],
    links: Collection[tuple[str, str]] = (),
    news: Collection[str] = (),
) -> HostSide:
    """Look at the mapped folders and leave out what is ignored, odd or hostile; tracked paths always count.

    `links` are home's own, as (path, id): they may lead anywhere, as whoever committed them knew. `news` are tracked
    paths that the host never had.
    """
    prune = prunable(repository, maps)
    taken = snapshot.take(transport, host, maps, prune)
    wrong = {path.rpartition("/")[2] for path in _wrongly_pruned(repository, maps, taken, tracked)}
    if wrong:
        taken = snapshot.take(transport, host, maps, prune - wrong)
    return sorted_out(repository, maps, taken, tracked, links, news)


def prunable(repository: Repository, maps: Sequence[Map]) -> set[str]:
    """Return the heavy folder names that the repository ignores somewhere below a map."""
    asked = {f"{one.local_path}/x/{name}/": name for one in maps for name in HEAVY}
    return {asked[path] for path in blobs.ignored(repository, asked)}


def _wrongly_pruned(
    repository: Repository, maps: Sequence[Map], taken: Snapshot, tracked: Collection[str]
) -> list[str]:
    """Return the pruned folders that count after all: not ignored where they lie, or with tracked files in them."""
    pruned = [f"{one.local_path}/{path}" for one in maps for path in taken.folders[one.name].pruned]
    harmless = [path for path in pruned if names.refusal(path) is None]
    ignored = blobs.ignored(repository, [f"{path}/" for path in harmless])
    holders = names.folders_of(tracked)
    return [path for path in harmless if f"{path}/" not in ignored or path in holders]


def sorted_out(
    repository: Repository,
    maps: Sequence[Map],
    taken: Snapshot,
    tracked: Collection[str],
    links: Collection[tuple[str, str]],
    news: Collection[str],
) -> HostSide:
    """Return what a look saw without what is ignored, odd or hostile; `tracked` and `links` are as for `look`."""
    files: dict[str, Seen] = {}
    skipped = [Skipped(path, f"stays at home: {why}", False) for path in tracked if (why := names.refusal(path))]
    pruned: set[str] = set()
    for one in maps:
        folder = taken.folders[one.name]
        _take_folder(one.local_path, folder, files, skipped, links)
        pruned |= {f"{one.local_path}/{path}" for path in folder.pruned}
    askable = [*files, *(one.path for one in skipped if names.refusal(one.path) is None)]
    ignored = blobs.ignored(repository, [path for path in askable if path not in tracked])
    files = {path: seen for path, seen in files.items() if path not in ignored}
    # What the host has in another spelling was renamed there, unless it never had it; what it has in both is refused.
    left_out = {one.path for one in skipped}
    hidden = [path for path in tracked if under(path, left_out)]
    for path, why in names.folded([*files, *hidden, *news], tracked).items():
        files.pop(path, None)
        skipped.append(Skipped(path, why, hostile=True))
    kept = tuple(sorted((one for one in skipped if one.path not in ignored), key=lambda one: one.path))
    return HostSide(taken, files, kept, frozenset(pruned | {one.path for one in kept}))


def _take_folder(
    local: str, folder: Folder, files: dict[str, Seen], skipped: list[Skipped], links: Collection[tuple[str, str]]
) -> None:
    told = {one.path for one in skipped}
    for path, seen in folder.files.items():
        why = names.refusal(path)
        if seen.mode == LINK and not why and (f"{local}/{path}", seen.id) not in links:
            why = names.link_refusal(path, seen.target)
            if not why and blob_id(seen.target.encode()) != seen.id:
                why = "a link whose target is not UTF-8"
        if not why:
            files[f"{local}/{path}"] = seen
        elif f"{local}/{path}" not in told:
            skipped.append(Skipped(f"{local}/{path}", why, hostile=True))
    for path, (reason, detail) in folder.odd.items():
        words = f"{int(detail) >> 20} MB, and 50 is the most: {ELSEWHERE}" if detail.isdecimal() else reason
        skipped.append(Skipped(f"{local}/{path}", words, hostile=False))
