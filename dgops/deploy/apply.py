"""Run Ansible over the hosts that need it: one run for those with the same roles to run, all runs at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dgops.deploy import cargo, tree
from dgops.deploy.ansible import Playbook
from dgops.deploy.events import Failure, is_validation, take
from dgops.deploy.together import Group, run_all
from dgops.errors import DgopsError
from dgops.health.check import Outcome
from dgops.transport import agent, ssh_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.deploy.events import HostRun
    from dgops.deploy.handover import Secrets
    from dgops.deploy.look import Looked
    from dgops.deploy.result import Watcher
    from dgops.deploy.run import Wish
    from dgops.settings import Settings


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
        groups.append(Group(hosts, _playbook(wish, settings, handed, hosts), own))
        for run in own.values():
            run.begin()
    run_all(groups, lambda group, event: _hear(group, event, watcher), _stop_short)
    silent = DgopsError("Ansible gave no account of this host", "dgops -v deploy shows what it said")
    for group in groups:
        for run in group.runs.values():
            if run.roles:
                watcher.role_over(run.host, run.roles[-1])
        _stop_short(group, silent)


def _hear(group: Group, event: dict[str, Any], watcher: Watcher) -> None:
    for one in group.hosts:
        one.require_lease(group.runs[one.host.name])
    _take(event, group.runs, watcher)


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


def _stop_short(group: Group, error: DgopsError) -> None:
    """Enter the error for every host whose run did not come to its end; a failure of its own comes first."""
    for run in group.runs.values():
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
