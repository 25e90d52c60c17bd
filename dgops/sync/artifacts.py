"""Maps of artifacts: what a host makes comes home as files with a manifest, and is never committed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError
from dgops.files import digest_bytes, digest_file
from dgops.git import blobs
from dgops.git.repository import open_repository
from dgops.health.fanout import each
from dgops.jobs import landing
from dgops.jobs.ask import Ask
from dgops.jobs.job import Output
from dgops.jobs.link import Link
from dgops.jobs.offers import offered
from dgops.jobs.progress import Silent
from dgops.jobs.pull import bring
from dgops.jobs.ready import work_user
from dgops.sync import lock, manifest
from dgops.sync.manifest import Manifest
from dgops.sync.result import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from dgops.hosts.host import Host
    from dgops.jobs.offers import Offer
    from dgops.settings import Settings
    from dgops.sync.manifest import Row
    from dgops.sync.maps import Map

SETTLE = 1.0


@dataclass(frozen=True)
class Gathered:
    """What a map of artifacts came to: paths below its folder that came home or would, and those left alone and why."""

    map: Map
    pulled: tuple[str, ...] = ()
    files: int = 0
    size: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    error: DgopsError | None = None

    @property
    def ok(self) -> bool:
        """Whether all that the host has is home, or could come."""
        return self.error is None and not self.skipped


def to_json(gathered: Sequence[Gathered]) -> dict[str, Any]:
    """Return what `dgops sync --json` says of maps of artifacts."""
    rows = {
        f"{one.map.host}/{one.map.name}": {
            "pulled": list(one.pulled),
            "files": one.files,
            "bytes": one.size,
            "skipped": [{"path": path, "reason": why} for path, why in one.skipped],
            "error": {"message": one.error.message, "hint": one.error.hint} if one.error else None,
        }
        for one in gathered
    }
    return {"artifacts": rows} if all(one.ok for one in gathered) else {"ok": False, "artifacts": rows}


def gather_all(
    hosts: Sequence[Host], maps: Sequence[Map], settings: Settings, say: Callable[[str], None], *, looking: bool
) -> Iterator[Gathered]:
    """Bring home what the maps' folders hold and home does not, hosts at once; looking, only say what that is."""

    def work(host: Host) -> list[Gathered]:
        mine = [one for one in maps if one.host == host.name]
        with Link(host, settings, say) as link:
            return [_gather(one, link, say, lambda: True, looking=looking) for one in mine]

    for found in each(work, hosts, settings.forks):
        yield from found


def gather(one: Map, link: Link, say: Callable[[str], None], go: Callable[[], bool] = lambda: True) -> Gathered:
    """Bring home what one map's folder holds and home does not; where `go` says no it stops, to go on another time."""
    return _gather(one, link, say, go, looking=False)


def _gather(one: Map, link: Link, say: Callable[[str], None], go: Callable[[], bool], *, looking: bool) -> Gathered:
    try:
        _require_ignored(one)
        if looking:
            return _standing(one, link)[1]
        # Two that write one file would spoil it for each other.
        with lock.hold(
            open_repository(one.repo), say, name=f"{lock.FILE}-{digest_bytes(one.local_path.encode())[:12]}"
        ):
            return _gathered(one, link, say, go)
    except DgopsError as error:
        return Gathered(one, error=error)
    except OSError as error:
        words = f"{error.filename or one.repo}: {error.strerror or type(error).__name__}"
        return Gathered(one, error=DgopsError(words, "put that right, then the same command again"))


def _standing(one: Map, link: Link) -> tuple[dict[str, tuple[int, int]], Gathered]:
    """Return the host's whole files, and what of them would come home."""
    there = _whole(one, link)
    known = manifest.read(one.home).rows
    fresh = sorted(path for path, found in there.items() if not _is_here(one.home / path, known.get(path), found))
    return there, Gathered(one, tuple(fresh), len(there), sum(found[0] for found in there.values()))


def _gathered(one: Map, link: Link, say: Callable[[str], None], go: Callable[[], bool]) -> Gathered:
    there, standing = _standing(one, link)
    if not standing.pulled:
        return standing
    # Who writes to it may be somebody into whose processes nobody may look: what grows comes next time.
    time.sleep(SETTLE)
    again = _whole(one, link)
    fresh = [path for path in standing.pulled if again.get(path) == there[path]]
    if not fresh or not go():
        return replace(standing, pulled=())
    known, watcher = manifest.read(one.home), Silent(say)
    name = one.host_path.rpartition("/")[2]
    ask = Ask(link, "", work_user(link.host), "")
    offers, _ = offered(ask, Output(one.host_path, one.home), watcher, only=[f"{name}/{path}" for path in fresh])
    wanted, skipped, rows = _apart(offers, known)
    # Said before it comes: what a sync that dies has brought is no file of somebody's own to the next one.
    coming = {offer.landing.inner: offer.sha256 for offer in wanted}
    manifest.write(one, Manifest(rows, {**known.coming, **coming}))
    brought, changed = bring(link, ask.user, wanted, watcher, go)
    if not go():
        # What came stays, and is known for what it is when it is looked at again.
        return replace(standing, pulled=())
    skipped += [(path[len(name) + 1 :], "it was written to meanwhile") for path in changed]
    left = {path for path, _ in skipped}
    here = {
        offer.landing.inner: [offer.size, there[offer.landing.inner][1], offer.sha256]
        for offer in wanted
        if offer.landing.inner not in left and offer.landing.inner in there
    }
    waiting = {path: sha256 for path, sha256 in known.coming.items() if path not in here}
    manifest.write(one, Manifest({**rows, **here}, waiting))
    landing.sweep(one.home)
    came = tuple(offer.landing.inner for offer in brought if offer.landing.inner not in left)
    return replace(standing, pulled=came, skipped=tuple(skipped))


def _whole(one: Map, link: Link) -> dict[str, tuple[int, int]]:
    name = one.host_path.rpartition("/")[2]
    found = Ask(link, "", work_user(link.host), "").whole(Output(one.host_path, one.home))
    return {key[len(name) + 1 :]: row for key, row in found.items() if key.startswith(f"{name}/")}


def _require_ignored(one: Map) -> None:
    repository = open_repository(one.repo)
    if f"{one.local_path}/{manifest.NAME}" not in blobs.ignored(repository, [f"{one.local_path}/{manifest.NAME}"]):
        raise Refusal(
            f"{one.repo}: {one.local_path} is not ignored, so what a map of artifacts brings there could be committed",
            f"add a line to {one.repo}/.gitignore:  /{one.local_path}/",
        )


def _is_here(path: Path, row: Row | None, found: tuple[int, int]) -> bool:
    """Return whether a file came home as it is on the host now; only its size is looked at here."""
    if row is None or tuple(row[:2]) != tuple(found):
        return False
    try:
        return path.stat().st_size == found[0]
    except OSError:
        return False


def _apart(offers: Sequence[Offer], known: Manifest) -> tuple[list[Offer], list[tuple[str, str]], dict[str, Row]]:
    """Leave files alone that somebody changed or made at home; returns what is wanted, what is not, what is home."""
    wanted, skipped, rows = [], [], dict(known.rows)
    for offer in offers:
        path, inner = offer.landing.path, offer.landing.inner
        if path.is_file() and not offer.landing.holds(offer.sha256, offer.size):
            sha256 = digest_file(path)
            if not known.knows(inner, sha256):
                skipped.append((inner, "another file of that name is at home: move it away"))
                continue
            # It is older than what the host has; its own row must outlive that it is said what comes.
            rows[inner] = [path.stat().st_size, 0, sha256]
        wanted.append(offer)
    return wanted, skipped, rows
