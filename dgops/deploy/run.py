"""Deploy: look, plan, run the roles that are needed, write the contract, look again."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dgops.deploy import inputs, policy, tree
from dgops.deploy.apply import apply
from dgops.deploy.events import Failure, HostRun
from dgops.deploy.fitness import refuse_unfit
from dgops.deploy.guarding import refuse_losses
from dgops.deploy.look import Looked, hold, let_go, look_first
from dgops.deploy.plan import Plan, Question, Step, plan
from dgops.deploy.prove import PROOF, Proof, prove, unproven, wake
from dgops.deploy.result import HostResult, Watcher
from dgops.errors import BusyError, DgopsError, LossError, UnreachableError
from dgops.events import log
from dgops.health.fanout import each
from dgops.hosts import secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.deploy.guarding import Guard
    from dgops.deploy.handover import Secrets
    from dgops.deploy.inputs import Declared
    from dgops.health.contract import Contract
    from dgops.health.look import HostHealth
    from dgops.hosts.host import Host
    from dgops.hosts.inventory import Inventory
    from dgops.settings import Settings

# What one role changes may be another one's input; a third pass would be a circle.
PASSES = 2


@dataclass(frozen=True)
class Wish:
    """What a person asked of a deploy; roles run whether they are needed or not, full means all of them.

    The guard is asked before roles write on a host.
    """

    hosts: Sequence[Host]
    inventory: Inventory
    roles: tuple[str, ...] = ()
    check: bool = False
    diff: bool = False
    full: bool = False
    guard: Guard | None = None


def deploy(wish: Wish, settings: Settings, watcher: Watcher) -> dict[str, HostResult]:
    """Take every host from what it is to what its roles say; one host's failure stops no other."""
    tree.require_roles(wish.roles)
    if not wish.check:
        policy.require(wish.hosts)
    handed = secrets.for_hosts(wish.hosts)
    run = _Run(wish, settings, watcher, handed, inputs.load(settings, handed))
    looked = look_first(wish.hosts, settings, run.plan)
    try:
        return run.finish(looked)
    finally:
        let_go(run.at_hand or looked)


class _Run:
    """One deploy under way: what is known of each host, and what has become of it."""

    def __init__(self, wish: Wish, settings: Settings, watcher: Watcher, handed: Secrets, declared: Declared) -> None:
        self.wish, self.settings, self.watcher = wish, settings, watcher
        self.handed, self.declared = handed, declared
        self.started = time.monotonic()
        self.results: dict[str, HostResult] = {}
        self.runs: dict[str, HostRun] = {}
        self.at_hand: list[Looked] = []

    def plan(self, host: Host, kept: Contract | None, health: HostHealth, trouble: str = "") -> Plan:
        """Decide what a host needs, from what was seen there."""
        question = Question(self.declared.order, self.wish.roles, self.wish.full)
        return plan(question, kept, health, inputs.of_host(self.declared, host, kept, health.seen), trouble)

    def finish(self, looked: list[Looked]) -> dict[str, HostResult]:
        """Bring every host that was looked at to its end."""
        todo = self._still_to_do(looked)
        if todo and not self.wish.check:
            held = hold(todo, self.settings, self.plan)
            names = {one.host.name for one in held}
            self.at_hand = [*held, *(one for one in looked if one.host.name not in names)]
            todo = self._still_to_do(held)
            if self.wish.guard:
                todo = self._still_to_do(refuse_losses(todo, self.wish.guard))
        todo = self._still_to_do(refuse_unfit(todo, self.settings))
        for one in todo:
            self.runs[one.host.name] = HostRun(one.host.name)
            self.watcher.planned(one.host.name, one.plan, one.seconds)
        for _ in range(PASSES):
            if todo:
                apply(self.wish, self.settings, self.handed, todo, self.runs, self.watcher)
                self.watcher.working("", "looking again")
                todo = [again for one in todo if (again := self._conclude(one))]
        for one in todo:
            self._over(one, self._unsettled(one))
        return {host.name: self.results[host.name] for host in self.wish.hosts}

    def _still_to_do(self, looked: Sequence[Looked]) -> list[Looked]:
        """Give every host its result that cannot be worked on, or that needs nothing; return the others."""
        settled = [one for one in looked if not one.error and not one.plan.runs]
        if not self.wish.check:
            list(each(lambda one: wake(one, one.kept), settled, len(settled)))
        for one in looked:
            if one.error:
                self._over(one, _refused(one))
            elif not one.plan.runs:
                self._over(one, HostResult(one.host.name, "unchanged", 0.0, health=one.health))
        return [one for one in looked if not one.error and one.plan.runs]

    def _over(self, looked: Looked, result: HostResult) -> None:
        steps = result.plan.steps or looked.plan.steps
        full = replace(result, seconds=time.monotonic() - self.started, plan=Plan(steps))
        self.results[result.host] = full
        self._note(full)
        self.watcher.over(full)

    def _note(self, result: HostResult) -> None:
        words = f"deploy {result.outcome}"
        words += f": {result.failure.role}: {result.failure.task}: {result.failure.message}" if result.failure else ""
        roles = {run.role: run.changed for run in result.roles}
        seconds = round(result.seconds, 3)
        log.note("deploy.over", words, "info" if result.ok else "error", host=result.host, roles=roles, seconds=seconds)

    def _conclude(self, looked: Looked) -> Looked | None:
        """Prove a host after a pass; returns it with what this pass made necessary, None where it is over."""
        run = self.runs[looked.host.name]
        failure = run.failure if run.failed else None
        proof = Proof()
        if failure is None and not self.wish.check:
            try:
                proof = self._prove(looked, run)
            except UnreachableError as error:
                run.unreachable, failure = True, Failure(tree.BOOKKEEPING, PROOF, error.message, error.hint)
            except DgopsError as error:
                failure = Failure(tree.BOOKKEEPING, PROOF, error.message, error.hint)
            except OSError as error:
                failure = Failure(tree.BOOKKEEPING, PROOF, f"the contract could not be kept here: {error}", "")
            else:
                more = self._more(looked, run, proof)
                if more:
                    return more
                failure = unproven(proof.health, self.wish.roles) if proof.health else None
        self._over(looked, self._result(looked, run, failure, proof))
        return None

    def _prove(self, looked: Looked, run: HostRun) -> Proof:
        looked.require_lease(run)
        return prove(self.settings, self.declared, looked, run)

    def _more(self, looked: Looked, run: HostRun, proof: Proof) -> Looked | None:
        """Return a host whose other roles need to run now: what ran changed what they stand on."""
        if proof.kept is None or proof.health is None or self.wish.roles:
            return None
        ran = {role.role for role in run.roles}
        steps = self.plan(looked.host, proof.kept, proof.health).steps
        more = Plan(tuple(step if step.role not in ran else Step(step.role) for step in steps))
        return replace(looked, kept=proof.kept, health=proof.health, plan=more) if more.runs else None

    def _result(self, looked: Looked, run: HostRun, failure: Failure | None, proof: Proof) -> HostResult:
        outcome = "failed" if failure else "changed" if run.changed else "unchanged"
        return HostResult(
            run.host,
            "unreachable" if failure and run.unreachable else outcome,
            0.0,
            run.changed,
            # Before the first role there is only bookkeeping.
            tuple(role for role in run.roles if role.role),
            failure,
            tuple(run.notices),
            tuple(run.diffs),
            proof.health,
        )

    def _unsettled(self, looked: Looked) -> HostResult:
        step = next(step for step in looked.plan.steps if step.reasons)
        words = f"{step.role} would have to run again: {'; '.join(step.reasons)}"
        failure = Failure(
            step.role, PROOF, words, "two roles undo each other's work, or somebody else is at work there"
        )
        return self._result(looked, self.runs[looked.host.name], failure, Proof(looked.health))


def _refused(looked: Looked) -> HostResult:
    error = looked.error
    assert error is not None
    outcome = "unreachable" if isinstance(error, UnreachableError) else "failed"
    task = "Look at the host"
    if isinstance(error, (BusyError, LossError)):
        task = "Take the lease" if isinstance(error, BusyError) else "Guard edits"
    return HostResult(looked.host.name, outcome, looked.seconds, failure=Failure("", task, error.message, error.hint))
