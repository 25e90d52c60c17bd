"""Edits that a host saved on its volume before home had them, given back to the repository after the host was lost."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, RemoteError
from dgops.git import refs
from dgops.git.entry import FILE, LINK, PROGRAM, blob_id
from dgops.sync import host_side, reconcile, snapshot
from dgops.sync.names import under
from dgops.sync.result import NoSpool, Refusal, Result
from dgops.sync.settle import bring
from dgops.sync.snapshot import OBJECT, POD, Seen, Snapshot
from dgops.sync.state import ID
from dgops.transport import agent
from dgops.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.git.entry import Entry
    from dgops.sync.host_side import HostSide
    from dgops.sync.maps import Map
    from dgops.sync.scene import Scene
    from dgops.transport.protocol import Transport

# Killed without a word, a host has spooled everything older than this.
SECONDS = 30


@dataclass(frozen=True)
class Spool:
    """One mapped folder's edits since the commit `base`: paths below the folder → (mode, id, link's target).

    `tree` is the folder on the host that holds the files, `at` when it was last written, in seconds since 1970, `left`
    how many edits there was no room for.
    """

    id: str
    path: str
    base: str
    tree: str
    at: float
    pod: str
    edits: dict[str, tuple[str, str, str]]
    gone: tuple[str, ...]
    left: int = 0


def listed(transport: Transport, root: str) -> tuple[Spool, ...]:
    """Return every spool on a host's persistent root, the newest last; raises RemoteError where that is no list."""
    answer = agent.call(transport, "watch", {"op": "list", "root": root}, timeout=120)
    try:
        return tuple(_spool(one) for one in answer["spools"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise RemoteError("the agent's watch answered with something else than spools") from None


def drop(scene: Scene, found: Sequence[tuple[Map, Spool]]) -> None:
    """Remove spools whose edits are home; one that stays is only told, since what was in it is safe."""
    if not found:
        return
    request = {"op": "drop", "root": scene.root, "ids": [spool.id for _, spool in found]}
    try:
        agent.call(scene.transport, "watch", request, timeout=120)
    except DgopsError as error:
        scene.say(f"{scene.shared.host}: the spool could not be removed: {error.message}")


def keep(scene: Scene, side: HostSide, one: Map, base: str, since: str) -> dict[str, Any] | None:
    """Return what a host is to remember of a mapped folder to spool edits since the base.

    With `since`, the base that it knows, only what is other than then. None where the folder outlives the host by
    itself, or nobody knows what does.
    """
    if not scene.root or one.host_path == scene.root or one.host_path.startswith(f"{scene.root.rstrip('/')}/"):
        return None
    was = scene.home([one], base)
    _, host = scene.seen(side, [one], was, fetch=False)
    agreed = {
        path: side.files[path] for path, entry in was.items() if path in side.files and host.entries.get(path) == entry
    }
    rows: dict[str, list[str] | None] = {path: [file.mode, file.id] for path, file in agreed.items()}
    if since:
        changed = [change.path for change in reconcile.changes(scene.home([one], since), was)]
        rows = {path: rows.get(path) for path in changed}
    begin = len(one.local_path) + 1
    entries = {path[begin:]: row for path, row in rows.items()}
    return {"name": one.name, "root": scene.root, "since": since, "entries": entries}


def wanted(scene: Scene, maps: Sequence[Map]) -> list[tuple[Map, Spool]]:
    """Return the spools of fresh replicas: of what home knew there, else the newest of the same folder.

    Raises NoSpool where there is none.
    """
    spools = listed(scene.transport, scene.root) if scene.root else ()
    found = []
    for one in maps:
        known = scene.state.ids.get(one.name, [""])[0]
        mine = [spool for spool in spools if spool.id == known]
        mine = mine or [spool for spool in spools if spool.path == one.host_path]
        found += [(one, mine[-1])] if mine else []
    if not found:
        raise NoSpool(
            f"{scene.shared.host}: no spool of {', '.join(one.name for one in maps)} lies on its volume",
            f"dgops sync --host {scene.shared.host} --from local   fills it from {scene.branch}",
        )
    return found


def give_back(scene: Scene, found: list[tuple[Map, Spool]], before: Result) -> tuple[Scene, Result]:
    """Bring spooled edits home, as a sync would have; where they do not fit, they are on a branch.

    Taken out of `found` is a spool that holds what could not come home: it must not be removed.
    """
    result = before
    for base in dict.fromkeys(spool.base for _, spool in found):
        mine = [(one, spool) for one, spool in found if spool.base == base]
        now: dict[str, Entry] = {}
        for one, spool in mine:
            scene.say(words(one, spool))
            held, left = entries(scene, one, spool)
            now |= held
            if left:
                found.remove((one, spool))
                some = f"{left[0]} and {len(left) - 1} more" if len(left) > 1 else left[0]
                scene.say(f"{scene.shared.host}: could not come home: {some}; what is there stays in {spool.tree}")
        scene, step = bring(scene, [one for one, _ in mine], base, now, mine[0][1].pod)
        result = replace(step, changes=result.changes + step.changes)
        if step.outcome == "conflict":
            return scene, result
        if step.outcome == "parity":
            result = replace(result, outcome=before.outcome, commit=before.commit)
    return scene, result


def entries(scene: Scene, one: Map, spool: Spool) -> tuple[dict[str, Entry], list[str]]:
    """Return what the lost folder held, by path in the repository: the base with the spool's edits.

    And the edits that could not be taken: refused, unreadable, or no longer there.
    """
    if not refs.resolve(scene.repository, spool.base):
        raise Refusal(
            f"{one.name}: the spool on {scene.shared.host} stands on the commit {spool.base[:12]}, which is not here",
            f"fetch it from where it was pushed to, or copy the files by hand: {spool.tree}",
        )
    side, there, lost = _seen(scene, one, spool)
    _, host = scene.seen(side, [there], {})
    gone = {f"{one.local_path}/{path}" for path in spool.gone}
    left = {path: entry for path, entry in scene.home([one], spool.base).items() if path not in gone}
    edits = [f"{one.local_path}/{path}" for path in spool.edits]
    untaken = sorted({path for path in edits if under(path, host.unseen)} | lost)
    return reconcile.replica(left, host.entries, frozenset(left) - frozenset(host.entries)), untaken


def words(one: Map, spool: Spool) -> str:
    """Say what is given back and what cannot be."""
    count = len(spool.edits) + len(spool.gone)
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(spool.at))
    more = f"; {spool.left} more had no room" if spool.left else ""
    return (
        f"{one.name}: {counted(count, 'edit')} of {spool.pod} spooled until {at}; "
        f"up to {SECONDS} s before its end may be lost{more}"
    )


def _seen(scene: Scene, one: Map, spool: Spool) -> tuple[HostSide, Map, set[str]]:
    """Look at a spool as if it were the mapped folder, with nothing but its edits in it.

    Returns the map to read it by as well, and the paths in the repository that are listed and cannot be read.
    """
    there = replace(one, host_path=spool.tree)
    taken = snapshot.take(scene.transport, scene.shared.host, [there], ())
    folder = taken.folders[one.name]
    files = {
        path: seen._replace(mode=spool.edits[path][0]) for path, seen in folder.files.items() if _is_file(spool, path)
    }
    for path, (mode, number, target) in spool.edits.items():
        if mode == LINK:
            files[path] = Seen(LINK, number, len(target.encode()), target)
    lost = {f"{one.local_path}/{path}" for path in spool.edits if path not in files}
    kept = replace(folder, root="tree", files=files, odd={}, pruned=(), wide=False)
    tracked = {path for commit in (scene.head, spool.base) for path in scene.home([one], commit)}
    side = host_side.sorted_out(scene.repository, [there], Snapshot(spool.pod, {one.name: kept}), tracked, (), ())
    return side, there, lost


def _is_file(spool: Spool, path: str) -> bool:
    return path in spool.edits and spool.edits[path][0] != LINK


def _spool(raw: dict[str, Any]) -> Spool:
    if not ID.fullmatch(raw["id"]) or not OBJECT.fullmatch(raw["base"]):
        raise ValueError(raw["id"])
    edits = {str(path): _edit(*one) for path, one in raw["edits"].items()}
    gone = tuple(str(path) for path in raw["gone"])
    pod = raw["pod"] if POD.fullmatch(raw["pod"]) else "unknown"
    left = max(0, int(raw["all"]) - len(edits))
    return Spool(raw["id"], str(raw["path"]), raw["base"], str(raw["tree"]), float(raw["at"]), pod, edits, gone, left)


def _edit(mode: Any, number: Any, target: Any) -> tuple[str, str, str]:
    if mode not in (FILE, PROGRAM, LINK) or not OBJECT.fullmatch(number) or not isinstance(target, str):
        raise ValueError(mode)
    if mode == LINK and blob_id(target.encode()) != number:
        raise ValueError(target)
    return mode, number, target
