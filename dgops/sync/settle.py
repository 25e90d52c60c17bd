"""Two sides brought together: edits home, news there, a fresh replica adopted; a branch where it cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.git.trees import build_tree
from dgops.sync import apply, parity, reconcile, state
from dgops.sync.message import compose
from dgops.sync.names import under
from dgops.sync.push import push
from dgops.sync.result import Refusal, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.git.entry import Entry
    from dgops.sync.host_side import HostSide
    from dgops.sync.maps import Map
    from dgops.sync.scene import Host, Scene


def settle(scene: Scene, side: HostSide, maps: Sequence[Map], base: str) -> tuple[Scene, HostSide, Result]:
    """Bring a known replica's edits home, then send home's edits there."""
    scene, result = _pull(scene, side, maps, base)
    if result.outcome == "conflict":
        return scene, side, result
    return _push_on(scene, side, maps, result)


def _push_on(scene: Scene, side: HostSide, maps: Sequence[Map], result: Result) -> tuple[Scene, HostSide, Result]:
    """Push; where the way is cut or the host answers without sense, what came home before is still told."""
    try:
        return _push(scene, side, maps, result)
    except DgopsError as error:
        if not result.changes:
            raise
        # What went before it failed is there, and is home's own.
        scene = replace(scene, state=scene.state.with_sent(scene.head))
        return scene, side, replace(result, parity=False, error=error)


def _pull(scene: Scene, side: HostSide, maps: Sequence[Map], base: str) -> tuple[Scene, Result]:
    """Bring edits home: a commit where they fit, a branch where they do not."""
    scene, host = scene.seen(side, maps, scene.home(maps, base))
    return bring(scene, maps, base, host.entries, side.snapshot.pod)


def bring(scene: Scene, maps: Sequence[Map], base: str, host: dict[str, Entry], pod: str) -> tuple[Scene, Result]:
    """Bring home what a host holds in some maps, as edits since the base: a commit, or else a branch."""
    was = scene.home(maps, base)
    edited = scene.edited(maps, base, was, host)
    _refuse_losses(scene, maps, was, edited)
    result = Result(scene.shared, "parity", base=base, onto=scene.branch, since=base)
    if edited == was:
        return scene, result
    pull = apply.plan_pull(scene.repository, base, scene.head, was, edited, settle=not scene.wish.looking)
    message = compose(scene.shared.host, pod, base, pull.changes, scene.wish.message)
    if not pull.clean:
        return _part(scene, pull, message)
    if not pull.news:
        # Home has all of it already; the base waits until both sides are proven equal.
        return scene, result
    head, edit = apply.commit_pull(scene.place, pull, message)
    outcome = "pulled" if scene.head == base else "merged"
    scene = replace(scene, head=head, base=edit, at=scene.at if scene.wish.looking else edit)
    return scene, replace(result, outcome=outcome, commit=head, base=edit, changes=pull.changes)


def _part(scene: Scene, pull: apply.Pull, message: str) -> tuple[Scene, Result]:
    """Keep the host's side on a branch, for git to merge; nothing else changes."""
    branch, commit = apply.keep_branch(scene.place, pull.base, pull.edited, message)
    scene = replace(scene, state=scene.state.with_parted(commit))
    remember(scene)
    host, repo = scene.shared.host, scene.shared.repo
    paths = ", ".join((pull.conflicts or pull.dirty)[:3]) + (" …" if len(pull.conflicts or pull.dirty) > 3 else "")
    if pull.conflicts:
        why, first = f"the same lines changed on {host} and at home: {paths}", ""
    else:
        why, first = f"edited on {host}, and not committed at home: {paths}", "commit or stash your edits, then "
    error = Refusal(
        f"{why}\n  {host}'s side is safe on branch {branch}; nothing was changed on {scene.branch}",
        f"{first}git -C {repo} merge {branch}",
    )
    result = Result(
        scene.shared, "conflict", branch=branch, commit=commit, base=pull.base, changes=pull.changes, error=error
    )
    return scene, result


def _push(scene: Scene, side: HostSide, maps: Sequence[Map], result: Result) -> tuple[Scene, HostSide, Result]:
    """Send what home has and the host has not, then look again: only the second look proves anything."""
    target = scene.home(maps, scene.head)
    scene, host = scene.seen(side, maps, scene.home(maps, result.base or scene.head))
    todo = reconcile.push_order(host.entries, target)
    if todo and scene.wish.looking:
        outcome = result.outcome if result.changes else "pushed"
        return scene, side, replace(result, outcome=outcome, pushed=todo, parity=False)
    skipped: tuple[object, ...] = ()
    if todo:
        scene = replace(scene, state=scene.state.with_sent(scene.head))
        remember(scene)
        left = push(scene.repository, scene.head, target, todo, side, scene.transport, maps)
        side = scene.look()
        scene, host = scene.seen(side, maps, target)
        failed = {one.path for one in left}
        outcome = result.outcome if result.changes else "pushed"
        done = tuple(one for one in todo if one.path not in failed)
        result = replace(result, outcome=outcome if done else result.outcome, pushed=done, skipped=left)
        skipped = left
    found = parity.judge(target, host.entries, host.unseen)
    if not found.holds:
        return scene, side, replace(result, parity=False, error=_unequal(scene, target, host, bool(skipped)))
    scene = _agreed(scene, scene.head)
    return scene, side, replace(result, parity=True, base=scene.head)


def _agreed(scene: Scene, base: str) -> Scene:
    apply.move_base(scene.place, base)
    at = scene.at if scene.wish.looking else base
    return replace(scene, base=base, at=at, state=replace(scene.state, parted=[], sent=[]))


def _unequal(scene: Scene, target: dict[str, Entry], host: Host, told: bool) -> DgopsError:
    paths = [one.path for one in reconcile.changes(host.entries, target)]
    paths += parity.judge(target, host.entries, host.unseen).blind
    words = ", ".join(dict.fromkeys(paths[:3])) + (" …" if len(paths) > 3 else "")
    why = "left alone" if told else "not equal"
    hint = "dgops sync again; dgops sync --status shows both"
    if any(under(path, host.unseen) for path in paths):
        hint = "put right on the host what is left out, or take it out of the repository; then dgops sync again"
    return Refusal(f"no parity: {words}: {why} on {scene.shared.host}", hint)


def adopt(scene: Scene, side: HostSide, maps: Sequence[Map], before: Result) -> tuple[Scene, HostSide, Result]:
    """Make a fresh replica a known one: filled from home, or taken as an edit; the head is what they part from."""
    if scene.wish.source == "local":
        _save_there(scene, side, maps)
        start = Result(scene.shared, "parity", base=scene.head, onto=scene.branch)
    else:
        scene, start = _pull(scene, side, maps, scene.head)
        if start.outcome == "conflict":
            return scene, side, start
    scene, side, result = _push_on(scene, side, maps, start)
    if before.outcome != "parity":
        word = before.outcome if before.changes or result.outcome == "parity" else result.outcome
        result = replace(
            result,
            outcome=word,
            commit=result.commit or before.commit,
            changes=before.changes + result.changes,
            pushed=before.pushed + result.pushed,
        )
    if result.parity:
        for one in maps:
            scene = replace(scene, state=scene.state.named(one))
    return scene, side, result


def _save_there(scene: Scene, side: HostSide, maps: Sequence[Map]) -> None:
    """Before a replica is filled, keep on a branch what it holds and home does not."""
    home = scene.home(maps, scene.head)
    _, host = scene.seen(side, maps, {})
    extra = [path for path in host.entries if path not in home]
    if reconcile.too_many(extra, len(host.entries)) and not scene.wish.allow_deletes:
        some = ", ".join(sorted(extra)[:3]) + (" …" if len(extra) > 3 else "")
        raise Refusal(
            f"{len(extra)} of {len(host.entries)} files are only on {scene.shared.host}, and would go there: {some}",
            "is host_path right?  --from host takes them home; --allow-deletes keeps them on a branch and goes on",
        )
    differing = {path: entry for path, entry in host.entries.items() if home.get(path) != entry}
    if not differing or apply.is_kept(scene.place, differing, scene.shared.folders):
        return
    # What the host lacks is no edit of it: merging the branch must not delete anything.
    changes = reconcile.changes({path: home[path] for path in differing if path in home}, differing)
    tree = build_tree(scene.repository, scene.head, dict(differing))
    message = compose(scene.shared.host, side.snapshot.pod, scene.head, changes, scene.wish.message)
    branch, _ = apply.keep_branch(scene.place, scene.head, tree, message)
    kept = "would be kept" if scene.wish.looking else "are kept"
    scene.say(f"{scene.shared.host}: {len(differing)} of its files differ; they {kept} on branch {branch}")


def _refuse_losses(scene: Scene, maps: Sequence[Map], was: dict[str, Entry], host: dict[str, Entry]) -> None:
    for one in maps:
        before = reconcile.within(was, [one.local_path])
        gone = reconcile.lost(before, reconcile.within(host, [one.local_path]))
        if reconcile.too_many(gone, len(before)) and not scene.wish.allow_deletes:
            raise Refusal(
                f"{one.host_path} on {scene.shared.host} lost {len(gone)} of {len(before)} files; nothing was changed",
                "--allow-deletes takes the deletions home; if they are an accident there, put the files back first",
            )


def remember(scene: Scene) -> None:
    """Write the state, where it changed and where anything may."""
    if not scene.wish.looking and scene.state != state.read(scene.state_path):
        state.write(scene.state_path, scene.state)
