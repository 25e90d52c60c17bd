"""How both sides stand, map by map; nothing is fetched and nothing changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.sync import parity, reconcile, spool
from dgops.sync.result import Refusal, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.git.entry import Entry
    from dgops.sync.host_side import HostSide
    from dgops.sync.scene import Scene


def judge(scene: Scene, side: HostSide, fresh: Mapping[str, str]) -> Result:
    """Return what a sync would find; the outcome is what it would do."""
    states: dict[str, str] = {}
    was: dict[str, Entry] = {}
    home: dict[str, Entry] = {}
    there: dict[str, Entry] = {}
    edits: dict[str, Entry] = {}
    for one in scene.shared.maps:
        before = scene.home([one], scene.base) if scene.base and one.name not in fresh else {}
        ours = scene.home([one], scene.head)
        scene, host = scene.seen(side, [one], before, fetch=False)
        edited = host.entries
        if scene.base and one.name not in fresh:
            edited = scene.edited([one], scene.base, before, edited)
        words = _words(_sides(before, ours, host.entries, edited))
        states[one.name] = f"fresh: {fresh[one.name]}" if one.name in fresh else words
        was, home, there, edits = {**was, **before}, {**home, **ours}, {**there, **host.entries}, {**edits, **edited}
    found = parity.judge(home, there, side.unseen)
    return Result(
        scene.shared,
        "fresh" if fresh else _outcome(_sides(was, home, there, edits)),
        parity=found.holds and not fresh,
        base=scene.base or "",
        onto=scene.branch,
        changes=() if fresh else reconcile.changes(was, edits),
        skipped=side.skipped,
        states=states,
        local_tree=found.local_tree,
        host_tree=found.host_tree,
    )


def refuse_fresh(scene: Scene, side: HostSide, fresh: Mapping[str, str]) -> Result:
    """Return the result of a sync that found a fresh replica: nothing is concluded from what lies there."""
    host = scene.shared.host
    lines = "".join(f"\n  {name}: {why}" for name, why in fresh.items())
    error = Refusal(
        f"{host} is a fresh replica of {scene.shared.name}: nothing was concluded, nothing was changed{lines}",
        f"dgops sync --host {host} --from local   fills it from {scene.branch};   "
        "--from host   takes what is there as an edit" + _spooled(scene),
    )
    return replace(judge(scene, side, fresh), error=error)


def _spooled(scene: Scene) -> str:
    """Return the third way, where the volume has edits that a lost host saved."""
    if not scene.root:
        return ""
    paths = {one.host_path for one in scene.shared.maps}
    try:
        there = any(one.path in paths for one in spool.listed(scene.transport, scene.root))
    except DgopsError:
        # The refusal that this is a hint of says more.
        there = False
    if not there:
        return ""
    return ";   --from-spool   first brings home what was spooled before the host was lost"


def _sides(
    was: Mapping[str, Entry], ours: Mapping[str, Entry], host: Mapping[str, Entry], edited: Mapping[str, Entry]
) -> reconcile.Sides:
    """Return who changed what; what would go to the host is home's, also over what a push left that was cut off."""
    sides = reconcile.compare(was, ours, edited)
    differ = {one.path for one in reconcile.changes(host, ours)}
    return replace(sides, home=tuple(sorted(differ - {*sides.host, *sides.both})))


def _words(sides: reconcile.Sides) -> str:
    counts = ((sides.host, "edited on host"), (sides.home, "newer at home"), (sides.both, "changed on both sides"))
    return ", ".join(f"{len(paths)} {words}" for paths, words in counts if paths) or "parity"


def _outcome(sides: reconcile.Sides) -> str:
    if sides.both or (sides.home and sides.host):
        return "merged"
    return "pulled" if sides.host else "pushed" if sides.home else "parity"
