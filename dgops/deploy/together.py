"""Several runs of Ansible at once: each followed in a thread of its own, heard in one, and none left behind."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from dgops.deploy import ansible
from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dgops.deploy.events import HostRun
    from dgops.deploy.look import Looked

# So many at once; each is a Python of 100 MB with forks of its own.
MOST_RUNS = 8


@dataclass(frozen=True)
class Group:
    """Hosts that go through one run of Ansible."""

    hosts: Sequence[Looked]
    playbook: ansible.Playbook
    runs: dict[str, HostRun]
    leash: ansible.Leash = field(default_factory=ansible.Leash)


# What happened in which group: an event, what stopped it, or None at its end.
News = SimpleQueue["tuple[Group, dict[str, Any] | BaseException | None]"]


def run_all(
    groups: Sequence[Group],
    hear: Callable[[Group, dict[str, Any]], None],
    stop_short: Callable[[Group, DgopsError], None],
) -> None:
    """Run every group's playbook and hear its events, in this thread; what raises DgopsError ends its group alone."""
    news: News = SimpleQueue()
    waiting = list(groups)
    threads = [threading.Thread(target=_work_off, args=(waiting, news)) for _ in groups[:MOST_RUNS]]
    for thread in threads:
        thread.start()
    try:
        left = len(groups)
        while left:
            group, event = news.get()
            try:
                if isinstance(event, BaseException):
                    raise event
                if event is None:
                    left -= 1
                else:
                    hear(group, event)
            except DgopsError as error:
                group.leash.pull()
                stop_short(group, error)
    finally:
        # Interrupted, no run goes on behind a lease that is given back.
        waiting.clear()
        for group in groups:
            group.leash.pull()
        for thread in threads:
            thread.join()


def _work_off(waiting: list[Group], news: News) -> None:
    with contextlib.suppress(IndexError):
        while True:
            group = waiting.pop(0)
            try:
                with contextlib.closing(ansible.run(group.playbook, group.leash)) as events:
                    for event in events:
                        news.put((group, event))
            except BaseException as error:  # noqa: BLE001 - raised again where news are heard
                news.put((group, error))
            news.put((group, None))
