"""Everything that one sync of one repository with one host stands on, looked up once and checked."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dgops.git import refs
from dgops.git.entry import LINK, SUBMODULE
from dgops.git.repository import require_identity, unfinished
from dgops.git.trees import files_at, read_tree, records
from dgops.sync import host_side, reconcile, state
from dgops.sync.apply import Place
from dgops.sync.cleaner import Cleaner
from dgops.sync.names import refusal
from dgops.sync.result import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dgops.git.entry import Entry
    from dgops.git.repository import Repository
    from dgops.hosts.host import Host as Known
    from dgops.sync.host_side import HostSide
    from dgops.sync.maps import Map, Shared
    from dgops.sync.state import State
    from dgops.transport.protocol import Transport

LOCK_SECONDS = 2.0


@dataclass(frozen=True)
class Wish:
    """What was asked for; `source` is local, host or empty, `message` begins the commit of a host's edits.

    `spool`: what a lost host saved is brought home before its successor is filled. `root` is the persistent root as
    the inventory names it, which counts where no deploy from here says.
    """

    status: bool = False
    dry_run: bool = False
    source: str = ""
    allow_deletes: bool = False
    message: str = ""
    spool: bool = False
    root: str = ""

    def on(self, host: Known) -> Wish:
        """Return the wish with the root that the inventory names for a host."""
        root = host.variables.get("persistent_root")
        return replace(self, root=root) if isinstance(root, str) and root.startswith("/") else self

    @property
    def looking(self) -> bool:
        """Whether nothing may change."""
        return self.status or self.dry_run


@dataclass(frozen=True)
class Host:
    """One side of a map as home sees it: what git would hold there, and what could not be looked at."""

    entries: dict[str, Entry]
    unseen: frozenset[str]


@dataclass(frozen=True)
class Scene:
    """One repository, one host, one wish; `base` is what both agreed on last, None before the first time.

    `root` is the host's persistent root, empty where nobody says.
    """

    shared: Shared
    repository: Repository
    transport: Transport
    wish: Wish
    branch: str
    head: str
    base: str | None
    at: str | None
    state: State
    state_path: Path
    say: Callable[[str], None]
    root: str = ""
    trees: dict[tuple[str, tuple[str, ...]], dict[str, Entry]] = field(default_factory=dict, compare=False)

    @property
    def place(self) -> Place:
        """Where commits go."""
        return Place(self.repository, self.branch, self.shared.ref, self.at, self.shared.host, self.wish.looking)

    def home(self, maps: Sequence[Map], commit: str) -> dict[str, Entry]:
        """Return what a commit holds below some maps."""
        folders = tuple(one.local_path for one in maps)
        if (commit, folders) not in self.trees:
            entries = reconcile.within(read_tree(self.repository, commit, folders), folders)
            # A file that stands where the mapped folder should be is none of it; what no host may send never goes.
            self.trees[commit, folders] = {path: one for path, one in entries.items() if not refusal(path)}
        return dict(self.trees[commit, folders])

    def look(self) -> HostSide:
        """Look at the host; what is tracked here counts there, ignored or not."""
        maps = self.shared.maps
        ours = [self.home(maps, commit) for commit in (self.head, self.base) if commit]
        tracked = {path for tree in ours for path in tree}
        links = {(path, one.id) for tree in ours for path, one in tree.items() if one.mode == LINK}
        folders = [f":(literal){folder}" for folder in self.shared.folders]
        listed = self.repository.run("ls-files", "-z", "--", *folders).stdout
        tracked |= set(records(listed))
        news = ours[0].keys() - ours[-1].keys()
        side = host_side.look(self.transport, self.shared.host, maps, self.repository, tracked, links, news)
        for one in maps:
            folder = side.snapshot.folders[one.name]
            if folder.root == "refused":
                raise Refusal(
                    f"{self.shared.host}: {one.host_path} is not the folder that the map {one.name} names: "
                    f"{folder.reason}; nothing was read there",
                    "name the real folder as host_path in dgops.toml",
                )
        return side

    def seen(
        self, side: HostSide, maps: Sequence[Map], onto: dict[str, Entry], *, fetch: bool = True
    ) -> tuple[Scene, Host]:
        """Return what the host holds below some maps, with `onto` where that could not be seen.

        Content that home has never seen is fetched, unless told not to. The scene comes back with what is to be
        remembered of it.
        """
        head = self.home(maps, self.head)
        cleaner = Cleaner(self.repository, self.head, (onto, head), self.state.cleaned)
        contents = cleaner.clean(side, maps, self.transport if fetch else None)
        unseen = side.unseen | contents.changed
        entries: dict[str, Entry] = {}
        for one in maps:
            held = side.snapshot.folders[one.name].holds_modes
            below = reconcile.within(contents.entries, [one.local_path])
            entries |= reconcile.with_modes({**head, **onto}, below, held=held)
        cleaned = {**self.state.cleaned, **contents.cleaned}
        kept = {path: value for path, value in cleaned.items() if path in side.files}
        scene = replace(self, state=replace(self.state, cleaned=kept))
        return scene, Host(reconcile.replica(onto, entries, unseen), unseen)

    def edited(self, maps: Sequence[Map], base: str, was: dict[str, Entry], host: dict[str, Entry]) -> dict[str, Entry]:
        """Return what a host holds but for what a push brought there that was cut off: that counts as the base's."""
        known = [one for one in self.state.sent if _is_news(self, one, base)]
        return reconcile.unsent(was, host, [self.home(maps, commit) for commit in known])

    def fresh(self, side: HostSide) -> dict[str, str]:
        """Return the maps whose folder is no replica that home knows, and why."""
        found = {}
        for one in self.shared.maps:
            marker = side.snapshot.folders[one.name].marker
            why = self.state.fresh_because(one, marker) if self.base else "never synced before"
            if why:
                found[one.name] = why
        return found

    def forgetting(self, maps: Sequence[Map]) -> Scene:
        """Return the scene without the ids of some maps' folders: what lies there now is another replica."""
        gone = {one.name for one in maps}
        ids = {name: value for name, value in self.state.ids.items() if name not in gone}
        return replace(self, state=replace(self.state, ids=ids))


def prepare(
    shared: Shared, repository: Repository, transport: Transport, wish: Wish, path: Path, say: Callable[[str], None]
) -> Scene:
    """Look at home and refuse what cannot be synced as it stands; raises Refusal or GitError."""
    known = state.read(path)
    if repository.text("rev-parse", "--show-object-format") != "sha1":
        raise Refusal(f"{shared.repo}: its ids are SHA-256, and dgops syncs SHA-1 repositories")
    head = refs.resolve(repository, "HEAD")
    if not head:
        raise Refusal(f"{shared.repo} has no commit yet", f"git -C {shared.repo} commit --allow-empty -m 'first'")
    # First of all: a rebase has no branch checked out, and none can be until it is over.
    half_done = unfinished(repository)
    if half_done:
        raise Refusal(f"{shared.repo}: {half_done} is half done there", "finish it with git, or abort it, then sync")
    branch = _branch(shared, repository, known)
    if not wish.status:
        require_identity(repository)
    if not wish.looking:
        _wait_for_git(shared, repository)
    scene = Scene(
        shared=shared,
        repository=repository,
        transport=transport,
        wish=wish,
        branch=branch,
        head=head,
        base=None,
        at=refs.resolve(repository, shared.ref),
        state=replace(known, branch=known.branch or branch),
        state_path=path,
        say=say,
    )
    _refuse_submodules(scene)
    return replace(scene, base=_base(scene))


def _wait_for_git(shared: Shared, repository: Repository) -> None:
    """Give a git that is at work a moment; one that died has left its lock for good."""
    lock = repository.git_path("index.lock")
    until = time.monotonic() + LOCK_SECONDS
    while lock.exists():
        if time.monotonic() > until:
            raise Refusal(
                f"{shared.repo}: another git is at work there, or died and left {lock}",
                f"if no git runs there:  rm -f {lock}",
            )
        time.sleep(0.1)


def _branch(shared: Shared, repository: Repository, known: State) -> str:
    branch = refs.current_branch(repository)
    wanted = shared.branch or known.branch
    if branch is None:
        raise Refusal(
            f"{shared.repo}: no branch is checked out there (a detached HEAD)",
            f"git -C {shared.repo} switch {wanted or 'main'}",
        )
    if wanted and branch != wanted:
        why = "the map names" if shared.branch else "the first sync was on"
        raise Refusal(
            f"{shared.repo} is on branch {branch}, and {why} {wanted}: nothing was merged",
            f'git -C {shared.repo} switch {wanted}, or set branch = "{branch}" in its [[sync.map]]',
        )
    return branch


def _base(scene: Scene) -> str | None:
    """Return the commit that both sides last agreed on.

    A host's side that was kept on a branch and that somebody has merged since is what both agree on now, unless
    they have agreed on more already.
    """
    return next((one for one in reversed(scene.state.parted) if _is_news(scene, one, scene.at)), scene.at)


def _is_news(scene: Scene, commit: str, base: str | None) -> bool:
    """Return whether home has a commit that the base does not have yet."""
    merged = refs.is_ancestor(scene.repository, commit, scene.head)
    return merged and not (base and refs.is_ancestor(scene.repository, commit, base))


def _refuse_submodules(scene: Scene) -> None:
    found = [path for path, one in scene.home(scene.shared.maps, scene.head).items() if one.mode == SUBMODULE]
    found += files_at(scene.repository, scene.head, scene.shared.folders)
    if found:
        raise Refusal(
            f"{scene.shared.repo}: {found[0]} is no folder of files (a submodule, or a file), and cannot be synced",
            "map the folders beside it",
        )
