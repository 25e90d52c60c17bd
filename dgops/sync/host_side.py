"""The host's side of a sync as git would have it: what counts, what is left out and why, and the ids of it all."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.git import blobs
from dgops.git.entry import LINK, Entry, blob_id
from dgops.sync import names, snapshot, transfers
from dgops.sync.names import under

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from dgops.git.repository import Repository
    from dgops.sync.maps import Map
    from dgops.sync.snapshot import Folder, Seen, Snapshot
    from dgops.transport.protocol import Transport

# Folders that nobody wants home where the repository ignores them, and that are too large to hash each time.
HEAVY = ("node_modules", ".venv", "venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox")
MAX_TOTAL = 1 << 30
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


@dataclass(frozen=True)
class Contents:
    """The ids that git gives to what the host holds, and what is to be remembered of them.

    `changed` are paths whose bytes were no longer those that the look saw.
    """

    entries: dict[str, Entry]
    cleaned: dict[str, list[str]]
    changed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Cleaner:
    """Turns what a host holds into what git would hold, by the attributes of one commit.

    `known` are trees at home: a file with the very bytes of one of their blobs is no edit.
    """

    repository: Repository
    commit: str
    known: Sequence[Mapping[str, Entry]]
    remembered: Mapping[str, list[str]]

    def clean(self, side: HostSide, maps: Sequence[Map], transport: Transport | None) -> Contents:
        """Return the ids of the files below some maps; what home has never seen is fetched and written as blobs.

        Without a transport nothing is fetched, and new content keeps the id of its bytes.
        """
        heads = tuple(f"{one.local_path}/" for one in maps)
        files = {path: seen for path, seen in side.files.items() if path.startswith(heads)}
        # A link's target came with the look, and is its content.
        links = {path: seen for path, seen in files.items() if seen.mode == LINK}
        unknown = self._unknown(files)
        converted = blobs.conversions(self.repository, self.commit, sorted(unknown))
        ids, open_paths = self._settled(files, unknown, converted)
        ids |= {path: seen.id for path, seen in links.items()}
        changed: frozenset[str] = frozenset()
        if transport:
            self._write_links(links)
            fetched, changed = self._fetched({path: files[path] for path in open_paths}, converted, transport, maps)
            ids |= fetched
        else:
            ids |= {path: files[path].id for path in open_paths}
        entries = {path: Entry(files[path].mode, ids[path]) for path in files if path in ids}
        cleaned = {
            path: [files[path].id, how, ids[path]]
            for path, how in converted.items()
            if path in ids and (path not in open_paths or transport)
        }
        return Contents(entries, cleaned, changed)

    def _unknown(self, files: Mapping[str, Seen]) -> set[str]:
        unknown = {path for path, seen in files.items() if seen.mode != LINK}
        for tree in self.known:
            unknown = {path for path in unknown if path not in tree or tree[path].id != files[path].id}
        return unknown

    def _settled(
        self, files: Mapping[str, Seen], unknown: set[str], converted: Mapping[str, str]
    ) -> tuple[dict[str, str], list[str]]:
        """Return the ids that need no bytes, and the paths whose bytes are needed."""
        ids = {path: seen.id for path, seen in files.items() if path not in unknown and seen.mode != LINK}
        there = blobs.existing(self.repository, [files[path].id for path in unknown if path not in converted])
        remembered = {
            path: known[2]
            for path, how in converted.items()
            if (known := self.remembered.get(path)) and known[:2] == [files[path].id, how]
        }
        still = blobs.existing(self.repository, remembered.values())
        for path in unknown:
            if path not in converted and files[path].id in there:
                ids[path] = files[path].id
            elif remembered.get(path) in still:
                ids[path] = remembered[path]
        return ids, [path for path in unknown if path not in ids]

    def _write_links(self, links: Mapping[str, Seen]) -> None:
        there = blobs.existing(self.repository, [seen.id for seen in links.values()])
        for seen in links.values():
            if seen.id not in there:
                blobs.write_blob(self.repository, seen.target.encode())

    def _fetched(
        self, files: Mapping[str, Seen], converted: Mapping[str, str], transport: Transport, maps: Sequence[Map]
    ) -> tuple[dict[str, str], frozenset[str]]:
        """Write what home has never seen as blobs; returns their ids, and the paths whose bytes were others."""
        total = sum(seen.size for seen in files.values())
        if total > MAX_TOTAL:
            raise DgopsError(
                f"{total >> 20} MB of new files are on the host, and {MAX_TOTAL >> 20} is the most for one sync",
                "what is not meant to come home belongs into .gitignore",
            )
        with tempfile.TemporaryDirectory(prefix="in-", dir=self.repository.scratch) as folder:
            place = Path(folder)
            wanted = {
                path: transfers.Wanted(*there(path, maps), seen, place / path) for path, seen in sorted(files.items())
            }
            plain = {
                path for path, seen in files.items() if path not in converted and seen.size <= transfers.BATCH_BYTES
            }
            ids = self._written({path: one for path, one in wanted.items() if path in plain}, transport)
            ids |= self._converted({path: one for path, one in wanted.items() if path not in plain}, transport, place)
        return ids, frozenset(files.keys() - ids.keys())

    def _written(self, wanted: Mapping[str, transfers.Wanted], transport: Transport) -> dict[str, str]:
        """Fetch files whose bytes are their blobs'; they need no place on this disk."""
        paths = {one.target: path for path, one in wanted.items()}
        ids: dict[str, str] = {}
        for pieces in transfers.read(transport, list(wanted.values())):
            same = [(one, content) for one, content in pieces if one.is_in(content)]
            blobs.write_blobs(self.repository, [content for _, content in same])
            ids |= {paths[one.target]: one.seen.id for one, _ in same}
        return ids

    def _converted(self, wanted: Mapping[str, transfers.Wanted], transport: Transport, place: Path) -> dict[str, str]:
        """Fetch files that git has to look at before it keeps them, and very large ones."""
        stale = transfers.fetch(transport, list(wanted.values()))
        for target in stale:
            target.unlink()
        return blobs.add_files(
            self.repository, self.commit, place, [path for path, one in wanted.items() if one.target not in stale]
        )


def there(path: str, maps: Sequence[Map]) -> tuple[str, str]:
    """Return a path of the repository as its mapped folder on the host, and the path below that."""
    one = next(one for one in maps if under(path, (one.local_path,)))
    return one.host_path, path[len(one.local_path) + 1 :]
