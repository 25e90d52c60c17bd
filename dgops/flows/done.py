"""Is all done? What is uncommitted, unpushed, unsynced, not home or running, in repositories and on every host."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, UnreachableError
from dgops.git.repository import open_repository
from dgops.git.standing import standing
from dgops.hosts import inventory
from dgops.jobs import memory
from dgops.jobs.job import OVER
from dgops.jobs.listing import listed
from dgops.sync import artifacts, maps
from dgops.sync.run import sync_all
from dgops.sync.scene import Wish
from dgops.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from dgops.hosts.host import Host
    from dgops.jobs.listing import HostJobs
    from dgops.settings import Settings
    from dgops.sync.artifacts import Gathered
    from dgops.sync.maps import Shared
    from dgops.sync.result import Result

MOST_NAMED = 3


@dataclass(frozen=True)
class Item:
    """One thing that is not done: where, what it is, and the command that does it.

    Kinds: unfinished, uncommitted, unmerged, unpushed (of a repository), unsynced, running, not home (of a host),
    unseen (where nobody could look; `away` says that a host did not answer).
    """

    kind: str
    where: str
    words: str
    mend: str
    away: bool = False


def look(settings: Settings, say: Callable[[str], None]) -> tuple[Item, ...]:
    """Look everywhere and change nothing; what cannot be looked at is an item too."""
    shared = maps.load(settings) if settings.maps else ()
    hosts = _hosts(settings)
    items = [item for folder in _folders(settings, shared) for item in _of_repository(folder, settings.state)]
    for result in _synced(settings, shared, hosts, Wish(status=True), say):
        items += _of_sync(result)
    for gathered in _gathered(settings, hosts, say, looking=True):
        items += _of_artifacts(gathered)
    for found in listed(hosts, settings):
        items += _of_jobs(found, {one.id for one in memory.not_home(settings.state, found.host)})
    # A host that does not answer is told once, whoever asked it.
    told = {(item.where if item.kind == "unseen" else item): item for item in reversed(items)}
    return tuple(reversed(told.values()))


def fix(settings: Settings, say: Callable[[str], None]) -> list[Result]:
    """Do what is safe: a sync both ways of every mapped host, which commits what was edited there; artifacts come."""
    if not settings.maps:
        return []
    hosts = _hosts(settings)
    done = list(_synced(settings, maps.load(settings), hosts, Wish(), say))
    for one in _gathered(settings, hosts, say, looking=False):
        if one.pulled:
            say(f"{one.map.host}  {one.map.name}: {_counted('file', one.pulled)} came home")
    return done


def _hosts(settings: Settings) -> list[Host]:
    return list(inventory.load(settings).hosts.values())


def _folders(settings: Settings, shared: Iterable[Shared]) -> Iterator[Path]:
    """Yield every repository that is ours to look at: the mapped ones, and the project's own where it is one."""
    yield from dict.fromkeys(one.repo for one in shared)
    if (settings.root / ".git").exists() and all(one.repo.resolve() != settings.root.resolve() for one in shared):
        yield settings.root


def _synced(
    settings: Settings, shared: Iterable[Shared], hosts: list[Host], wish: Wish, say: Callable[[str], None]
) -> Iterator[Result]:
    mapped = [one for one in shared if one.host in {host.name for host in hosts}]
    names = {one.host for one in mapped}
    yield from sync_all([host for host in hosts if host.name in names], mapped, settings, wish, say)


def _gathered(
    settings: Settings, hosts: list[Host], say: Callable[[str], None], *, looking: bool
) -> Iterator[Gathered]:
    mapped = maps.load_artifacts(settings) if settings.maps else ()
    names = {one.host for one in mapped}
    yield from artifacts.gather_all([one for one in hosts if one.name in names], mapped, settings, say, looking=looking)


def _of_repository(folder: Path, state: Path) -> Iterator[Item]:
    item, git = partial(Item, where=folder.resolve().name), f"git -C {folder}"
    try:
        seen = standing(open_repository(folder))
    except DgopsError as error:
        yield item("unseen", words=error.message, mend=error.hint)
        return
    if seen.half_done:
        yield item("unfinished", words=f"{seen.half_done} is half done", mend=f"{git} status")
    # The state folder is ours and nobody's to commit.
    names = [name for name in seen.uncommitted if not (folder / name).resolve().is_relative_to(state.resolve())]
    if names:
        yield item("uncommitted", words=_counted("file", names), mend=f"{git} commit")
    for branch in seen.unmerged:
        yield item("unmerged", words=f"branch {branch}", mend=f"{git} merge {branch}")
    if seen.unpushed:
        words = f"{counted(seen.unpushed, 'commit')} on {seen.branch or 'a detached HEAD'}"
        to = "" if seen.upstream else f" --set-upstream origin {seen.branch or 'HEAD:BRANCH'}"
        yield item("unpushed", words=words, mend=f"{git} push{to}")


def _of_sync(result: Result) -> Iterator[Item]:
    item, host = partial(Item, where=result.shared.host), result.shared.host
    if result.error:
        away = isinstance(result.error, UnreachableError)
        yield item("unseen", words=result.error.message, mend=result.error.hint, away=away)
        return
    states = [f"{name}: {state}" for name, state in result.states.items() if state != "parity"]
    if states:
        source = " --from local|host" if result.outcome == "fresh" else ""
        yield item("unsynced", words="; ".join(states), mend=f"dgops sync --host {host}{source}")
    if result.refused:
        words = _counted("path", [one.path for one in result.refused]) + " refused"
        yield item("unsynced", words=words, mend=f"dgops sync --host {host} --status")


def _of_artifacts(found: Gathered) -> Iterator[Item]:
    if found.error:
        away = isinstance(found.error, UnreachableError)
        yield Item("unseen", found.map.host, found.error.message, found.error.hint, away)
    if found.pulled:
        words = f"{found.map.name}: {_counted('file', found.pulled)}"
        yield Item("not home", found.map.host, words, f"dgops sync --host {found.map.host}")


def _of_jobs(found: HostJobs, not_home: set[str]) -> Iterator[Item]:
    if found.error:
        away = isinstance(found.error, UnreachableError)
        yield Item("unseen", found.host, found.error.message, found.error.hint, away)
    for job in found.jobs:
        if job.status not in OVER:
            yield Item("running", found.host, f"job {job.id}, {job.status}: {job.label}", f"dgops jobs follow {job.id}")
        elif job.status == "succeeded" and job.id in not_home:
            yield Item("not home", found.host, f"outputs of job {job.id}: {job.label}", f"dgops jobs pull {job.id}")


def _counted(noun: str, names: Iterable[str]) -> str:
    rows = list(names)
    more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
    return f"{counted(len(rows), noun)}: {', '.join(rows[:MOST_NAMED])}{more}"
