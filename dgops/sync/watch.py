"""Hosts and home kept in parity: a sync after each burst of changes there and each commit here; artifacts come too."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, RemoteError, UnreachableError
from dgops.git import refs
from dgops.git.repository import open_repository
from dgops.jobs.link import Link
from dgops.sync.artifacts import Gathered, gather
from dgops.sync.host_side import prunable
from dgops.sync.result import BAD, Result
from dgops.sync.run import sync
from dgops.transport import agent
from dgops.transport.connect import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.sync.maps import Map, Shared
    from dgops.sync.scene import Wish
    from dgops.transport.protocol import Transport

# A burst of saves is over when nothing happened for so many seconds.
QUIET = 1.0
WAIT, SPARE = 25.0, 20.0
HOME_PAUSE, RETRY = 0.5, 5.0
# Where files are written all the time and none is whole, looking must cost the host little.
SHARE = 10.0
# A sync under way is let come to its end when a person stops the watch.
LAST_WORDS = 15.0


def watch(
    hosts: Sequence[Host],
    shared: Sequence[Shared],
    artifacts: Sequence[Map],
    settings: Settings,
    wish: Wish,
    say: Callable[[str], None],
) -> Generator[Result | Gathered, None, None]:
    """Sync, then go on until the caller stops; yields every result that is news.

    What was asked for a fresh replica or for deletions counts once, for the first sync of each host.
    """
    desk = _Desk(settings, wish, say)
    threads = []
    for host in hosts:
        mine = [one for one in shared if one.host == host.name]
        for work in (_follow_host, _follow_home) if mine else ():
            threads.append(threading.Thread(target=work, args=(desk, host, mine), daemon=True))
        files = [one for one in artifacts if one.host == host.name]
        if files:
            # What it fetches must not keep an interrupted watch from its end: the next one goes on there.
            threads.append(threading.Thread(target=_follow_files, args=(desk, host, files, not mine), daemon=True))
    for thread in threads:
        thread.start()
    try:
        while True:
            yield desk.news.get()
    finally:
        desk.stop.set()
        if desk.turn.acquire(timeout=LAST_WORDS):
            desk.turn.release()


@dataclass
class _Desk:
    """Where the threads of a watch meet: one sync at a time, and what is known of each."""

    settings: Settings
    wish: Wish
    say: Callable[[str], None]
    news: queue.Queue[Result | Gathered] = field(default_factory=queue.Queue)
    stop: threading.Event = field(default_factory=threading.Event)
    turn: threading.Lock = field(default_factory=threading.Lock)
    heads: dict[tuple[str, Path], str | None] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)

    def sync(self, one: Shared, host: Host, transport: Transport) -> None:
        """Sync and pass on what is news; raises UnreachableError where the way is cut."""
        with self.turn:
            if self.stop.is_set():
                return
            first = (one.host, one.repo) not in self.heads
            wish = self.wish if first else replace(self.wish, source="", spool=False, allow_deletes=False)
            before = _head(one)
            result = sync(one, transport, self.settings, wish.on(host), self.say)
            # Not what is checked out by now: a commit that was made meanwhile is still to go there.
            made = result.commit if result.changes and result.outcome not in BAD else ""
            self.heads[one.host, one.repo] = made or before
        if isinstance(result.error, UnreachableError):
            raise result.error
        self.pass_on(result)

    def pass_on(self, result: Result) -> None:
        """Pass a result on, unless the last one said the same."""
        trouble = result.error.message if result.error else " ".join(one.path for one in result.refused)
        moved = bool(result.changes or result.pushed) and result.outcome not in BAD
        self._tell(result.name, trouble, result, news=moved)

    def pass_on_files(self, found: Gathered) -> None:
        """Pass on what came of a map of artifacts, unless it is nothing or the last one said the same."""
        trouble = found.error.message if found.error else " ".join(path for path, _ in found.skipped)
        self._tell(f"{found.map.host}/{found.map.repo}/{found.map.name}", trouble, found, news=bool(found.pulled))

    def _tell(self, name: str, trouble: str, result: Result | Gathered, *, news: bool) -> None:
        same = self.told.get(name, "") == trouble
        self.told[name] = trouble
        if news or not same:
            self.news.put(result)


def _follow_host(desk: _Desk, host: Host, shared: Sequence[Shared]) -> None:
    """Sync at the start and after each burst of changes on the host; connects again for as long as it takes."""
    state: dict[str, str] = {}
    while not desk.stop.is_set():
        try:
            with contextlib.closing(connect(host, desk.settings)) as transport:
                # Before the first sync: what is edited while it runs must not be taken for known.
                maps, prune = _watched(shared)
                state = state or _ask(host, maps, prune, transport, state, 0.0)[1]
                while not desk.stop.is_set():
                    for one in shared:
                        desk.sync(one, host, transport)
                    changed = False
                    while not changed and not desk.stop.is_set():
                        maps, prune = _watched(shared)
                        changed, state = _ask(host, maps, prune, transport, state, WAIT)
        except DgopsError as error:
            for one in shared:
                desk.pass_on(Result(one, "unreachable", error=error))
            desk.stop.wait(RETRY)


def _follow_files(desk: _Desk, host: Host, maps: Sequence[Map], tells: bool) -> None:
    """Bring artifacts home at the start, after each burst of changes and from time to time; `tells` when it is cut.

    From time to time: that a file is no longer written to is no change of the folder.
    """
    state: dict[str, str] = {}
    while not desk.stop.is_set():
        try:
            with Link(host, desk.settings) as link:
                state = state or _ask(host, maps, (), link.transport(), state, 0.0)[1]
                while not desk.stop.is_set():
                    begun, came = time.monotonic(), False
                    for one in maps:
                        found = gather(one, link, desk.say, lambda: not desk.stop.is_set())
                        if isinstance(found.error, UnreachableError):
                            raise found.error
                        desk.pass_on_files(found)
                        came = came or bool(found.pulled)
                    if not came:
                        desk.stop.wait(min(SHARE * (time.monotonic() - begun), WAIT))
                    _, state = _ask(host, maps, (), link.transport(), state, WAIT)
        except DgopsError as error:
            # Where edits are watched too, they say so.
            if tells or not isinstance(error, UnreachableError):
                for one in maps:
                    desk.pass_on_files(Gathered(one, error=error))
            desk.stop.wait(RETRY)


def _watched(shared: Sequence[Shared]) -> tuple[list[Map], Sequence[str]]:
    """Return the maps to be watched, and the folders in them that are not looked into, as git has it by now."""
    prune = {name for each in shared for name in prunable(open_repository(each.repo), each.maps)}
    return [one for each in shared for one in each.maps], sorted(prune)


def _ask(
    host: Host, maps: Sequence[Map], prune: Sequence[str], transport: Transport, since: dict[str, str], wait: float
) -> tuple[bool, dict[str, str]]:
    """Wait until a mapped folder is not as it was, or so many seconds; returns whether, and how the folders are now."""
    request: dict[str, Any] = {
        "maps": [{"name": one.name, "path": one.host_path} for one in maps],
        "prune": list(prune),
        "since": since,
        "quiet": QUIET,
        "wait": wait,
    }
    answer = agent.call(transport, "changes", request, timeout=wait + SPARE)
    changed, state = answer.get("changed"), answer.get("state")
    if not isinstance(changed, list) or not isinstance(state, dict):
        raise RemoteError(f"{host.name}: the agent's changes answered with something else")
    return bool(changed), {str(name): str(value) for name, value in state.items()}


def _follow_home(desk: _Desk, host: Host, shared: Sequence[Shared]) -> None:
    """Sync when a commit was made at home since the last one."""
    while not desk.stop.wait(HOME_PAUSE):
        moved = [one for one in shared if desk.heads.get((host.name, one.repo), "") not in ("", _head(one))]
        if not moved:
            continue
        # The other thread tells when the host is away, and syncs when it is back.
        with contextlib.suppress(DgopsError), contextlib.closing(connect(host, desk.settings)) as transport:
            for one in moved:
                desk.sync(one, host, transport)


def _head(one: Shared) -> str | None:
    try:
        return refs.resolve(open_repository(one.repo), "HEAD")
    except DgopsError:
        return None
