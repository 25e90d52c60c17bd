"""Deploy: look, run Ansible, write the contract, look again."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dgops.deploy import ansible, tree
from dgops.deploy.ansible import Playbook
from dgops.deploy.events import Failure, HostRun, take
from dgops.deploy.look import Looked, let_go, look_first
from dgops.deploy.prove import prove, prove_part, unproven
from dgops.deploy.result import HostResult, Watcher
from dgops.errors import BusyError, DgopsError, UnreachableError
from dgops.transport import ssh_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.hosts.host import Host
    from dgops.hosts.inventory import Inventory
    from dgops.settings import Settings


@dataclass(frozen=True)
class Wish:
    """What a person asked of a deploy."""

    hosts: Sequence[Host]
    inventory: Inventory
    roles: tuple[str, ...] = ()
    check: bool = False
    diff: bool = False
    verbosity: int = 0

    @property
    def whole(self) -> bool:
        """Whether every role is to run for real, so that a contract can be written."""
        return not self.check and not self.roles


def deploy(wish: Wish, settings: Settings, watcher: Watcher) -> dict[str, HostResult]:
    """Take every host from what it is to what its roles say; one host's failure stops no other."""
    tree.require_roles(wish.roles)
    started = time.monotonic()
    looked = look_first(wish.hosts, settings, hold=not wish.check)
    try:
        results = {one.host.name: _refused(one) for one in looked if one.error}
        for result in results.values():
            watcher.over(result)
        ready = [one for one in looked if not one.error]
        for one in ready:
            watcher.looked(one.host.name, one.seconds)
        runs = _run_ansible(wish, settings, ready, watcher) if ready else {}
        for one in ready:
            result = _conclude(wish, settings, one, runs[one.host.name])
            results[one.host.name] = replace(result, seconds=time.monotonic() - started)
            watcher.over(results[one.host.name])
        return {host.name: results[host.name] for host in wish.hosts}
    finally:
        for one in looked:
            let_go(one)


def _refused(looked: Looked) -> HostResult:
    error = looked.error
    assert error is not None
    outcome = "unreachable" if isinstance(error, UnreachableError) else "failed"
    task = "Take the lease" if isinstance(error, BusyError) else "Look at the host"
    return HostResult(looked.host.name, outcome, looked.seconds, failure=Failure("", task, error.message, error.hint))


def _run_ansible(wish: Wish, settings: Settings, ready: list[Looked], watcher: Watcher) -> dict[str, HostRun]:
    """Run the site playbook over the hosts that can be worked on, and gather what happened on each."""
    runs = {one.host.name: HostRun(one.host.name) for one in ready}
    playbook = Playbook(
        tree.root() / "playbooks" / "site.yml",
        wish.inventory.sources,
        list(runs),
        wish.roles,
        wish.check,
        wish.diff,
        settings.forks,
        wish.verbosity,
        {"dgops_mode": settings.mode} if settings.mode else None,
    )
    # The whole inventory: one host may be the way to another, and the file serves plain ssh too.
    config = ssh_config.write(tuple(wish.inventory.hosts.values()), settings)
    with contextlib.closing(ansible.run(playbook, config)) as events:
        for event in events:
            _require_leases(ready)
            _take(event, runs, watcher)
    for run in runs.values():
        if run.roles:
            watcher.role_over(run.host, run.roles[-1])
    return runs


def _require_leases(ready: list[Looked]) -> None:
    for one in ready:
        if one.lease and one.lease.lost.is_set():
            raise BusyError(f"the lease on {one.host.name} was lost: somebody else works there", "deploy again")


def _take(event: dict[str, Any], runs: dict[str, HostRun], watcher: Watcher) -> None:
    if event["event"] == "task_started":
        watcher.working(event["role"], event["task"])
        return
    over = take(runs, event, time.monotonic())
    if over:
        watcher.role_over(event["host"], over)


def _conclude(wish: Wish, settings: Settings, looked: Looked, run: HostRun) -> HostResult:
    """Turn one host's run into its result; a whole run's contract is written and looked at."""
    health = None
    if run.stats is None:
        raise DgopsError(f"Ansible gave no account of {run.host}", "dgops -vv deploy shows what it said")
    failure = run.failure if run.failed else None
    outcome = "failed" if run.failed else "changed" if run.changed else "unchanged"
    if run.unreachable and run.failed:
        outcome = "unreachable"
    if not wish.check and not run.failed:
        try:
            health = prove(settings, looked, run) if wish.whole else prove_part(settings, looked, wish.roles)
            failure = unproven(health, wish.roles) if health else None
        except DgopsError as error:
            failure = Failure("contract", "Prove the host", error.message, error.hint)
        outcome = "failed" if failure else outcome
    return HostResult(
        run.host,
        outcome,
        0.0,
        run.changed,
        tuple(run.roles),
        failure,
        tuple(run.notices),
        tuple(run.diffs),
        health,
    )
