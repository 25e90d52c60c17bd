"""Deploy: look, run Ansible, write the contract, look again."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dgops.deploy import ansible, tree
from dgops.deploy.ansible import Playbook
from dgops.deploy.events import Failure, HostRun, is_validation, take
from dgops.deploy.look import Looked, let_go, look_first
from dgops.deploy.prove import PROOF, prove, prove_part, unproven
from dgops.deploy.result import HostResult, Watcher
from dgops.errors import BusyError, DgopsError, UnreachableError
from dgops.hosts import secrets
from dgops.transport import ssh_config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.hosts.host import Host
    from dgops.hosts.inventory import Inventory
    from dgops.settings import Settings

    # Secrets by host and name.
    Handed = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Wish:
    """What a person asked of a deploy."""

    hosts: Sequence[Host]
    inventory: Inventory
    roles: tuple[str, ...] = ()
    check: bool = False
    diff: bool = False

    @property
    def whole(self) -> bool:
        """Whether every role is to run for real, so that a contract can be written."""
        return not self.check and not self.roles


def deploy(wish: Wish, settings: Settings, watcher: Watcher) -> dict[str, HostResult]:
    """Take every host from what it is to what its roles say; one host's failure stops no other."""
    tree.require_roles(wish.roles)
    handed = secrets.for_hosts(wish.hosts)
    started = time.monotonic()
    looked = look_first(wish.hosts, settings, hold=not wish.check)
    try:
        results = {one.host.name: _refused(one) for one in looked if one.error}
        for result in results.values():
            watcher.over(result)
        ready = [one for one in looked if not one.error]
        for one in ready:
            watcher.looked(one.host.name, one.seconds)
        runs = _run_ansible(wish, settings, handed, ready, watcher) if ready else {}
        watcher.working("", "looking again")
        for one in ready:
            result = _conclude(wish, settings, one, runs[one.host.name])
            results[one.host.name] = replace(result, seconds=time.monotonic() - started)
            watcher.over(results[one.host.name])
        return {host.name: results[host.name] for host in wish.hosts}
    finally:
        let_go(looked)


def _refused(looked: Looked) -> HostResult:
    error = looked.error
    assert error is not None
    outcome = "unreachable" if isinstance(error, UnreachableError) else "failed"
    task = "Take the lease" if isinstance(error, BusyError) else "Look at the host"
    return HostResult(looked.host.name, outcome, looked.seconds, failure=Failure("", task, error.message, error.hint))


def _run_ansible(
    wish: Wish, settings: Settings, handed: Handed, ready: list[Looked], watcher: Watcher
) -> dict[str, HostRun]:
    """Run the site playbook over the hosts that can be worked on, and gather what happened on each."""
    runs = {one.host.name: HostRun(one.host.name) for one in ready}
    # Written for plain ssh too, which then finds the new host.
    ssh_config.write(tuple(wish.inventory.hosts.values()), settings)
    try:
        with contextlib.closing(ansible.run(_playbook(wish, settings, handed, ready))) as events:
            for event in events:
                _require_leases(ready, runs)
                _take(event, runs, watcher)
    except DgopsError as error:
        _stop_short(runs, error)
    for run in runs.values():
        if run.roles:
            watcher.role_over(run.host, run.roles[-1])
    _stop_short(runs, DgopsError("Ansible gave no account of this host", "dgops -v deploy shows what it said"))
    return runs


def _playbook(wish: Wish, settings: Settings, handed: Handed, ready: list[Looked]) -> Playbook:
    return Playbook(
        tree.root() / "playbooks" / "site.yml",
        wish.inventory.sources,
        [one.host for one in ready],
        settings.state.absolute() / "known_hosts",
        wish.roles,
        wish.check,
        wish.diff,
        settings.forks,
        settings.connect_timeout,
        {"dgops_mode": settings.mode} if settings.mode else {},
        {one.host.name: handed[one.host.name] for one in ready},
    )


def _stop_short(runs: dict[str, HostRun], error: DgopsError) -> None:
    """Enter the error for every host whose run did not come to its end; a failure of its own comes first."""
    for run in runs.values():
        if run.stats is None and run.failure is None:
            run.failure = Failure("", "Run Ansible", error.message, error.hint)


def _require_leases(ready: list[Looked], runs: dict[str, HostRun]) -> None:
    for one in ready:
        # A host that Ansible has lost gets no more work, so that its lease protects nothing.
        if one.lease and one.lease.lost.is_set() and not runs[one.host.name].unreachable:
            raise BusyError(
                f"stopped: the lease on {one.host.name} was lost: {one.lease.why}",
                "look who is at work there, then deploy again",
            )


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


def _conclude(wish: Wish, settings: Settings, looked: Looked, run: HostRun) -> HostResult:
    """Turn one host's run into its result; a whole run's contract is written and looked at."""
    health = None
    failure = run.failure if run.failed else None
    outcome = "failed" if run.failed else "changed" if run.changed else "unchanged"
    if run.unreachable and run.failed:
        outcome = "unreachable"
    if not wish.check and not run.failed:
        try:
            _require_leases([looked], {run.host: run})
            health = prove(settings, looked, run) if wish.whole else prove_part(settings, looked, wish.roles)
            failure = unproven(health, wish.roles) if health else None
            outcome = "failed" if failure else outcome
        except UnreachableError as error:
            outcome, failure = "unreachable", Failure("contract", PROOF, error.message, error.hint)
        except DgopsError as error:
            outcome, failure = "failed", Failure("contract", PROOF, error.message, error.hint)
        except OSError as error:
            outcome, failure = "failed", Failure("contract", PROOF, f"the contract could not be kept here: {error}", "")
    return HostResult(
        run.host,
        outcome,
        0.0,
        run.changed,
        # Before the first role there are only facts.
        tuple(role for role in run.roles if role.role),
        failure,
        tuple(run.notices),
        tuple(run.diffs),
        health,
    )
