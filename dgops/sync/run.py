"""One sync: look at the host, bring its edits home, send home's there, prove that both are equal."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import AccessError, DgopsError, HostKeyError, UnreachableError
from dgops.events import log
from dgops.git.repository import open_repository
from dgops.health import contract
from dgops.health.fanout import each
from dgops.sync import lock, parity, spool, state, status, transfers
from dgops.sync.result import BAD, Result
from dgops.sync.scene import prepare
from dgops.sync.settle import adopt, remember, settle
from dgops.transport.connect import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dgops.git.repository import Repository
    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.sync.host_side import HostSide
    from dgops.sync.maps import Map, Shared
    from dgops.sync.scene import Scene, Wish
    from dgops.transport.protocol import Transport

# Below .git, under the lock: nobody else's, and always found again.
SCRATCH = "dgops-scratch"


def sync_all(
    hosts: Sequence[Host], shared: Sequence[Shared], settings: Settings, wish: Wish, say: Callable[[str], None]
) -> Iterator[Result]:
    """Sync every host with every repository that a map names, hosts at once; yields results in their order."""

    def work(host: Host) -> list[Result]:
        return list(_sync_host(host, [one for one in shared if one.host == host.name], settings, wish, say))

    for results in each(work, hosts, settings.forks):
        yield from results


def _sync_host(
    host: Host, shared: Sequence[Shared], settings: Settings, wish: Wish, say: Callable[[str], None]
) -> Iterator[Result]:
    try:
        with contextlib.closing(connect(host, settings)) as transport:
            for one in shared:
                yield sync(one, transport, settings, wish.on(host), say)
    except DgopsError as error:
        for one in shared:
            yield _failed(one, error)


def sync(shared: Shared, transport: Transport, settings: Settings, wish: Wish, say: Callable[[str], None]) -> Result:
    """Sync one repository with one host; what goes wrong is in the result."""
    result = _tried(shared, transport, settings, wish, say)
    words = f"sync {result.outcome}" + (f": {result.error.message}" if result.error else "")
    level = "error" if result.outcome in BAD or result.error else "info"
    counts = {"changes": len(result.changes), "pushed": len(result.pushed)}
    log.note("sync.over", words, level, host=shared.host, repository=shared.name, commit=result.commit, **counts)
    return result


def _tried(shared: Shared, transport: Transport, settings: Settings, wish: Wish, say: Callable[[str], None]) -> Result:
    try:
        with opened(shared, transport, settings, wish, say) as scene:
            result = _sync(scene)
            return replace(result, since=result.since or scene.base or "")
    except DgopsError as error:
        return _failed(shared, error)
    except OSError as error:
        # This machine's: a full disk, a .git of somebody else. The other hosts' results must not go with it.
        place = error.filename or shared.repo
        words = f"{place}: {error.strerror or type(error).__name__}"
        return _failed(shared, DgopsError(words, "the same command again goes on from there, once that is put right"))


@contextlib.contextmanager
def opened(
    shared: Shared, transport: Transport, settings: Settings, wish: Wish, say: Callable[[str], None]
) -> Iterator[Scene]:
    """Yield what a sync stands on, under the repository's lock; raises Refusal, GitError or BusyError."""
    repository = open_repository(shared.repo)
    with lock.hold(repository, say), _scratch(repository) as own, _objects(own, wish) as writing:
        scene = prepare(shared, writing, transport, wish, state.path_of(shared, settings), say)
        yield replace(scene, root=_root(shared, settings) or wish.root)


def _root(shared: Shared, settings: Settings) -> str:
    try:
        kept = contract.read(settings.state, shared.host)
    except DgopsError:
        # The next deploy mends it.
        return ""
    return kept.persistent_root if kept else ""


def _failed(shared: Shared, error: DgopsError) -> Result:
    away = isinstance(error, (UnreachableError, HostKeyError, AccessError))
    return Result(shared, "unreachable" if away else "refused", error=error)


@contextlib.contextmanager
def _scratch(repository: Repository) -> Iterator[Repository]:
    """Yield the repository with a place for temporary files; what a killed sync left there goes first."""
    place = repository.git_path(SCRATCH).absolute()
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    try:
        yield replace(repository, scratch=place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _objects(repository: Repository, wish: Wish) -> Iterator[Repository]:
    """Yield the repository; where nothing may change, its new objects go to a folder that is thrown away."""
    if not wish.looking:
        yield repository
        return
    with tempfile.TemporaryDirectory(prefix="dry-", dir=repository.scratch) as folder:
        yield repository.quarantined(Path(folder))


def _sync(scene: Scene) -> Result:
    side = scene.look()
    fresh = scene.fresh(side)
    maps = scene.shared.maps
    known = [one for one in maps if one.name not in fresh]
    new = [one for one in maps if one.name in fresh]
    if scene.wish.status:
        return status.judge(scene, side, fresh)
    if new and not scene.wish.source and not _equal(scene, side, new):
        return status.refuse_fresh(scene, side, fresh)
    # By the ids that are forgotten next.
    spools = spool.wanted(scene, new) if new and scene.wish.spool else []
    scene = scene.forgetting(new)
    result = Result(scene.shared, "parity", parity=True, base=scene.base or "", onto=scene.branch)
    if known and scene.base:
        scene, side, result = settle(scene, side, known, scene.base)
    if new and result.outcome != "conflict" and (result.parity or scene.wish.looking):
        scene, result = spool.give_back(scene, spools, result)
        if result.outcome != "conflict":
            scene, side, result = adopt(scene, side, new, result)
    if result.outcome == "conflict" or isinstance(result.error, UnreachableError):
        remember(scene)
        found = _compare(scene, side)
        return replace(result, skipped=side.skipped, local_tree=found.local_tree, host_tree=found.host_tree)
    result = _closing(scene, side, result)
    if result.parity and not scene.wish.looking:
        spool.drop(scene, spools)
    return result


def _equal(scene: Scene, side: HostSide, maps: Sequence[Map]) -> bool:
    home = scene.home(maps, scene.head)
    _, host = scene.seen(side, maps, {}, fetch=False)
    there = all(side.snapshot.folders[one.name].root == "tree" for one in maps)
    return there and parity.judge(home, host.entries, host.unseen).holds


def _compare(scene: Scene, side: HostSide) -> parity.Parity:
    """Compare all of both sides by what the last look saw."""
    home = scene.home(scene.shared.maps, scene.head)
    _, host = scene.seen(side, scene.shared.maps, home, fetch=False)
    return parity.judge(home, host.entries, host.unseen)


def _closing(scene: Scene, side: HostSide, result: Result) -> Result:
    """Write the markers and the state, and return the result with the proof."""
    if not scene.wish.looking:
        try:
            _mark(scene, side)
        except DgopsError as error:
            # What was done is done; the next sync writes the markers.
            result = replace(result, error=error)
    maps = scene.shared.maps
    found = _compare(scene, side)
    told = {one.path for one in result.skipped}
    refused = any(one.hostile for one in side.skipped) and result.outcome == "parity"
    return replace(
        result,
        outcome="refused" if refused else result.outcome,
        base=scene.base or "",
        skipped=result.skipped + tuple(one for one in side.skipped if one.path not in told),
        states={one.name: "parity" if result.parity else "differs" for one in maps},
        local_tree=found.local_tree,
        host_tree=found.host_tree,
        parity=result.parity and (found.holds or scene.wish.looking),
    )


def _mark(scene: Scene, side: HostSide) -> None:
    """Write into the markers which replica this is and what was agreed on; only what is not there yet."""
    base = scene.base
    if not base:
        remember(scene)
        return
    wanted: list[transfers.Mark] = []
    there = set()
    for one in scene.shared.maps:
        known = scene.state.ids.get(one.name)
        if not known:
            continue
        marker = side.snapshot.folders[one.name].marker
        mine = marker is not None and marker.id == known[0]
        if marker and mine:
            there.add(marker.base)
        stale = marker is None or (marker.id, marker.base) != (known[0], base)
        since = scene.state.kept if mine else ""
        keep = spool.keep(scene, side, one, base, since) if stale or scene.state.kept != base else None
        if stale or keep:
            wanted.append(transfers.Mark(one.host_path, state.Marker(known[0], base), keep))
    if wanted:
        # Cut off half-way, some say one thing and some the other.
        remember(replace(scene, state=replace(scene.state, marked=base, marking=sorted(there - {base}))))
        _send_marks(scene, side, base, wanted)
    kept = base if any(one.keep for one in wanted) else scene.state.kept
    remember(replace(scene, state=replace(scene.state, marked=base, marking=[], kept=kept)))


def _send_marks(scene: Scene, side: HostSide, base: str, marks: Sequence[transfers.Mark]) -> None:
    """Write the markers; where a host has lost its notes, tell it everything anew."""
    stale = transfers.mark(scene.transport, marks)
    maps = {one.host_path: one for one in scene.shared.maps}
    again = [
        replace(mark, keep=spool.keep(scene, side, maps[mark.root], base, "")) for mark in marks if mark.root in stale
    ]
    if again:
        transfers.mark(scene.transport, again)
