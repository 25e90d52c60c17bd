"""What would be lost with a host's mapped folders: edits there that nobody has at home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.git import refs
from dgops.sync import reconcile
from dgops.sync.maps import in_ref
from dgops.sync.names import under
from dgops.sync.reconcile import Change
from dgops.sync.run import opened
from dgops.sync.scene import Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dgops.git.entry import Entry
    from dgops.settings import Settings
    from dgops.sync.host_side import HostSide
    from dgops.sync.maps import Map, Shared
    from dgops.sync.scene import Scene
    from dgops.sync.state import State
    from dgops.transport.protocol import Transport


@dataclass(frozen=True)
class Loss:
    """What of one map is on its host alone; `why` says in words why nobody could tell, and is empty otherwise."""

    map: Map
    changes: tuple[Change, ...] = ()
    why: str = ""


def losses(
    shared: Shared,
    transport: Transport,
    settings: Settings,
    concerns: Callable[[Map, State], bool],
    say: Callable[[str], None],
) -> tuple[Loss, ...]:
    """Return what is on the host alone in the maps that are in danger; what nobody can tell is a loss as well.

    Home has a file where the same content lies at its path in HEAD, in the base, or on a branch that a sync made for
    this host. What the repository ignores is nobody's edit.
    """
    try:
        with opened(shared, transport, settings, Wish(status=True), say) as scene:
            maps = [one for one in shared.maps if concerns(one, scene.state)]
            return tuple(_lost(scene, maps)) if maps else ()
    except DgopsError as error:
        return tuple(Loss(one, why=error.message) for one in shared.maps)


def _lost(scene: Scene, maps: list[Map]) -> Iterator[Loss]:
    side = scene.look()
    fresh = scene.fresh(side)
    kept = [scene.home(maps, commit) for commit in _commits(scene)]
    for one in maps:
        changes = (*_edits(scene, side, one, one.name in fresh, kept), *_unseen(scene, side, one))
        if changes:
            yield Loss(one, changes)


def _commits(scene: Scene) -> tuple[str, ...]:
    parted = refs.branches(scene.repository, f"sync/{in_ref(scene.shared.host)}/").values()
    # What was on its way there came from home.
    return tuple(dict.fromkeys([scene.head, *([scene.base] if scene.base else []), *scene.state.sent, *parted]))


def _edits(scene: Scene, side: HostSide, one: Map, fresh: bool, kept: list[dict[str, Entry]]) -> tuple[Change, ...]:
    """Return the edits of one folder that no commit holds; in a fresh replica a missing file means nothing."""
    home = reconcile.within(kept[0], [one.local_path])
    was: Mapping[str, Entry] = scene.home([one], scene.base) if scene.base and not fresh else {}
    _, host = scene.seen(side, [one], dict(was), fetch=False)
    found = reconcile.changes(home if fresh else was, host.entries)
    return tuple(
        change
        for change in found
        if not (fresh and change.kind == "D")
        and not any(tree.get(change.path) == host.entries.get(change.path) for tree in kept)
    )


def _unseen(scene: Scene, side: HostSide, one: Map) -> Iterator[Change]:
    """Yield what lies there and could not be taken: too large, unreadable, or with a name that may not come home."""
    folder = side.snapshot.folders[one.name]
    for skipped in side.skipped:
        below = skipped.path.removeprefix(f"{one.local_path}/")
        if under(skipped.path, (one.local_path,)) and (below in folder.files or below in folder.odd):
            yield Change("?", skipped.path)
