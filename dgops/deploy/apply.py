"""Run Ansible over the hosts that need it: one run for those with the same roles to run, all runs at once."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from dgops.deploy import ansible, cargo, tree
from dgops.deploy.ansible import Playbook
from dgops.deploy.events import Failure, HostRun, is_validation, take
from dgops.errors import DgopsError
from dgops.health.check import Outcome
from dgops.transport import agent, ssh_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.deploy.handover import Secrets
    from dgops.deploy.look import Looked
    from dgops.deploy.result import Watcher
    from dgops.deploy.run import Wish
    from dgops.settings import Settings


# So many runs at once; each is a Python of 100 MB with forks of its own.
MOST_RUNS = 8


@dataclass(frozen=True)
class _Group:
    """Hosts that go through one run of Ansible."""

    hosts: Sequence[Looked]
    playbook: Playbook
    runs: dict[str, HostRun]
    leash: ansible.Leash = field(default_factory=ansible.Leash)


# What happened in which group: an event, what stopped it, or None at its end.
News = SimpleQueue["tuple[_Group, dict[str, Any] | BaseException | None]"]


def apply(
    wish: Wish,
    settings: Settings,
    handed: Secrets,
    todo: Sequence[Looked],
    runs: dict[str, HostRun],
    watcher: Watcher,
) -> None:
    """Run what each host's plan names, and enter what happened into runs."""
    # Written for plain ssh too, which then finds the new host.
    ssh_config.write(tuple(wish.inventory.hosts.values()), settings)
    groups = []
    for roles in dict.fromkeys(one.plan.runs for one in todo):
        hosts = [one for one in todo if one.plan.runs == roles]
        own = {one.host.name: runs[one.host.name] for one in hosts}
        groups.append(_Group(hosts, _playbook(wish, settings, handed, hosts), own))
    for run in runs.values():
        run.begin()
    _run_all(groups, watcher)
    silent = DgopsError("Ansible gave no account of this host", "dgops -v deploy shows what it said")
    for group in groups:
        for run in group.runs.values():
            if run.roles:
                watcher.role_over(run.host, run.roles[-1])
        _stop_short(group.runs, silent)


def _run_all(groups: Sequence[_Group], watcher: Watcher) -> None:
    """Follow every run in a thread of its own, and enter its events here: no watcher is called from two threads."""
    news: News = SimpleQueue()
    waiting = list(groups)
    threads = [threading.Thread(target=_work_off, args=(waiting, news)) for _ in groups[:MOST_RUNS]]
    for thread in threads:
        thread.start()
    try:
        for _ in groups:
            _hear(news, watcher)
    finally:
        # Interrupted, no run goes on behind a lease that is given back.
        waiting.clear()
        for group in groups:
            group.leash.pull()
        for thread in threads:
            thread.join()


def _work_off(waiting: list[_Group], news: News) -> None:
    with contextlib.suppress(IndexError):
        while True:
            group = waiting.pop(0)
            try:
                with contextlib.closing(ansible.run(group.playbook, group.leash)) as events:
                    for event in events:
                        news.put((group, event))
            except BaseException as error:  # noqa: BLE001 - raised again, or shown, where news are heard
                news.put((group, error))
            news.put((group, None))


def _hear(news: News, watcher: Watcher) -> None:
    """Enter what happens until one of the runs is over."""
    while True:
        group, event = news.get()
        try:
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            for one in group.hosts:
                one.require_lease(group.runs[one.host.name])
            _take(event, group.runs, watcher)
        except DgopsError as error:
            group.leash.pull()
            _stop_short(group.runs, error)


def _playbook(wish: Wish, settings: Settings, handed: Secrets, group: list[Looked]) -> Playbook:
    plan = group[0].plan
    # Where nothing is left out no tag is named, so that tasks of no role run too.
    whole = not wish.roles and not plan.holds
    return Playbook(
        tree.root() / "playbooks" / "site.yml",
        wish.inventory.sources,
        [one.host for one in group],
        settings.state.absolute() / "known_hosts",
        () if whole else plan.runs,
        wish.check,
        wish.diff,
        settings.forks,
        settings.connect_timeout,
        {
            **({"dgops_mode": settings.mode} if settings.mode else {}),
            "dgops_cargo": cargo.build(settings.cache),
            "dgops_agent_held": [one.host.name for one in group if _holds_agent(one)],
        },
        {one.host.name: handed[one.host.name] for one in group},
    )


def _holds_agent(looked: Looked) -> bool:
    """Say whether the agent that roles run was just seen on the host as this tree has it."""
    seen = looked.health.results if looked.health else ()
    return any(one.outcome is Outcome.PASS and one.check.wanted.get("sha256") == agent.digest() for one in seen)


def _stop_short(runs: dict[str, HostRun], error: DgopsError) -> None:
    """Enter the error for every host whose run did not come to its end; a failure of its own comes first."""
    for run in runs.values():
        if run.stats is None and run.failure is None:
            run.failure = Failure("", "Run Ansible", error.message, error.hint)


def _take(event: dict[str, Any], runs: dict[str, HostRun], watcher: Watcher) -> None:
    if event["event"] == "said":
        watcher.said(event["text"])
        return
    if event["event"] == "task_started":
        if not is_validation(event):
            watcher.working(event["role"], event["task"])
        return
    if event["event"] == "result" and not is_validation(event):
        watcher.said(f"{event['host']}  {event['outcome']:<11}  {event['role'] or 'facts'}: {event['task']}")
    over = take(runs, event, time.monotonic())
    if over:
        watcher.role_over(event["host"], over)
