"""What a host holds as git would hold it: the ids of its files, and what home has never seen written as blobs."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.git import blobs
from dgops.git.entry import LINK, Entry
from dgops.sync import transfers
from dgops.sync.maps import there

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.git.repository import Repository
    from dgops.sync.host_side import HostSide
    from dgops.sync.maps import Map
    from dgops.sync.snapshot import Seen
    from dgops.transport.protocol import Transport

MAX_TOTAL = 1 << 30


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
            plain = {path for path, one in wanted.items() if path not in converted and one.is_small}
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
