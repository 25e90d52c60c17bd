"""From a recipe to its outputs at home: a pod is rented, made ready, worked on and stopped, whatever is cut off."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Protocol

from dgops.deploy.run import Wish as DeployWish
from dgops.deploy.run import deploy
from dgops.errors import DgopsError, UnreachableError
from dgops.flows import up_edits, up_pod, up_state
from dgops.flows.pod_end import before_end
from dgops.flows.up_job import LostError, Runner
from dgops.flows.up_pod import Renter, require_inventory
from dgops.health.look import look_at
from dgops.hosts import inventory
from dgops.pods import limits
from dgops.pods.account import intents_of
from dgops.words import counted

if TYPE_CHECKING:
    from dgops.deploy.result import Watcher as DeployWatcher
    from dgops.flows.guard import Guard
    from dgops.hosts.host import Host
    from dgops.jobs.job import Job, Request
    from dgops.jobs.place import Place
    from dgops.jobs.progress import Watcher
    from dgops.jobs.pull import Pulled
    from dgops.pods.models import Pod
    from dgops.pods.provider import Provider
    from dgops.pods.wishes import OwnKey
    from dgops.pods.wishes import Wish as PodWish
    from dgops.settings import Settings

# Pods that one call may lose before a person should look.
MOST_LOST = 20
# What is said of a pod once; settings and recipe say the rest anew.
REMEMBERED = ("profile", "image", "volume", "volume_gb", "spot")
# Without these a run on the pod would be for nothing.
VITAL = ("gpu", "torch")


class Work(Protocol):
    """What shall be done: whatever runs a recipe on a host stands behind this."""

    @property
    def fingerprint(self) -> str:
        """What tells this work from other work."""
        ...

    def request(self, host: Host) -> Request:
        """Return the job for a host, with the secrets that it needs there."""
        ...


class Hands(Protocol):
    """Who shows what goes on, and is asked before something goes."""

    @property
    def guard(self) -> Guard:
        """Asked before something goes."""
        ...

    @property
    def deploy(self) -> DeployWatcher:
        """Sees a deploy."""
        ...

    @property
    def job(self) -> Watcher:
        """Sees a job."""
        ...

    def say(self, text: str) -> None:
        """Tell a person what goes on."""
        ...

    def step(self, name: str, what: str, result: str, seconds: float) -> None:
        """Tell that a step is over."""
        ...


@dataclass(frozen=True)
class Asked:
    """A pod as it would be rented, the key that opens it, the work, and how long a pod may take to get ready."""

    pod: PodWish
    key: OwnKey
    work: Work
    wait: float = 600.0


@dataclass(frozen=True)
class Outcome:
    """How it went; `already` says that it was done before, `losses` how often a pod was taken away meanwhile."""

    job: str = ""
    pulled: Pulled | None = None
    already: bool = False
    losses: tuple[str, ...] = ()
    ready_seconds: float = 0.0
    trouble: DgopsError | None = None


def up(asked: Asked, settings: Settings, provider: Provider, hands: Hands) -> Outcome:
    """Go from wherever the last call came to the end; raises DgopsError where a person has to look.

    Each step looks first: the pod is found by its name, a deploy runs what is needed, the job is known by what it
    does, outputs come home once. A pod that was taken away is started or rented again on the same volume.
    """
    require_inventory(settings)
    with up_state.alone(settings.state, asked.pod.name):
        kept = up_state.read(settings.state, asked.pod.name)
        if kept.fingerprint == asked.work.fingerprint and kept.done:
            return Outcome(kept.job, already=True)
        wish = _remembered(asked.pod, kept)
        state = up_state.State(asked.work.fingerprint, asdict(wish))
        up_state.write(settings.state, wish.name, state)
        flow = _Flow(replace(asked, pod=wish), settings, provider, hands)
        outcome = flow.run()
        up_state.write(settings.state, wish.name, replace(state, done=outcome.trouble is None, job=outcome.job))
        return outcome


def _remembered(wish: PodWish, kept: up_state.State) -> PodWish:
    """Return the wish with what an earlier call said of the pod, where this one says nothing."""
    if wish.gpus:
        return wish
    known = {name: kept.pod[name] for name in REMEMBERED if kept.pod.get(name) and not getattr(wish, name)}
    return replace(wish, **known, gpus=tuple(kept.pod.get("gpus") or ()))


class _Flow:
    """One `up` under way."""

    def __init__(self, asked: Asked, settings: Settings, provider: Provider, hands: Hands) -> None:
        self.asked, self.settings, self.provider, self.hands = asked, settings, provider, hands
        self.name = asked.pod.name
        self.renter = Renter(settings, provider, asked.pod, asked.key, asked.wait, hands.say)
        self.runner = Runner(settings, hands.job, hands.say)
        self.losses: list[str] = []
        self.how, self.ready_begun, self.ready_seconds = "", 0.0, 0.0

    def run(self) -> Outcome:
        """Try until the work is done on some pod, then stop that; what is billed on after trouble is told."""
        try:
            outcome = self._done()
        except DgopsError:
            self._tell_bill()
            raise
        if outcome.trouble:
            self._tell_bill()
        return outcome

    def _done(self) -> Outcome:
        while True:
            pod: Pod | None = None
            try:
                pod = self._pod()
                host = self._ready(pod)
                job, place = self._worked(host, pod)
            except UnreachableError as error:
                if pod is None:
                    raise
                self._lost(pod, error)
                continue
            return self._over(pod, host, job, place)

    def _pod(self) -> Pod:
        begun = time.monotonic()
        self.ready_begun = begun
        pod, self.how = self.renter.get()
        where = f"{pod.gpu_name or 'no GPU'}  {pod.data_center}  {pod.cost:.2f} $ an hour"
        self.hands.step(self.name, self.how, f"{where}  {pod.id}", time.monotonic() - begun)
        return pod

    def _ready(self, pod: Pod) -> Host:
        host = self.renter.host(pod)
        known = inventory.load(self.settings)
        wish = DeployWish([host], known, guard=self.hands.guard.before_write)
        result = deploy(wish, self.settings, self.hands.deploy)[host.name]
        if result.failure:
            kind = UnreachableError if result.outcome == "unreachable" else DgopsError
            where = f"{result.failure.role}: {result.failure.task}" if result.failure.role else result.failure.task
            raise kind(f"{host.name}: {where}: {result.failure.message}", result.failure.hint)
        count = f"{len(result.roles)} roles run, {result.changed} changed" if result.roles else "nothing to do"
        self.hands.step(self.name, "deployed", count, result.seconds)
        for one in up_edits.bring_home(host, self.settings, self.hands.say):
            words = f"{one.shared.name}: {len(one.changes)} came home, {len(one.pushed)} sent"
            self.hands.step(self.name, "synced", words, 0.0)
        self._healthy(host)
        self.ready_seconds = time.monotonic() - self.ready_begun
        how = f"from {self.how} to ready" if self.how != "found" else "it was there"
        self.hands.step(self.name, "ready", how, self.ready_seconds)
        return host

    def _healthy(self, host: Host) -> None:
        seen = look_at(host, self.settings)
        if seen.error:
            raise seen.error
        bad = seen.failures()
        for one in bad:
            self.hands.say(f"{host.name}  {one.outcome.value}  {one.check.role}: {one.check.name}: {one.observed}")
        grave = [one for one in bad if one.check.kind == "state" or one.check.type in VITAL]
        if grave:
            raise DgopsError(
                f"{host.name} is not healthy: {grave[0].check.name}: {grave[0].observed}",
                f"dgops health --host {host.name}",
            )
        passed = sum(one.outcome.value == "pass" for one in seen.results)
        words = f"{passed} checks pass" + (f", {len(bad)} fail" if bad else "")
        self.hands.step(self.name, "looked at", words, seen.seconds)

    def _worked(self, host: Host, pod: Pod) -> tuple[Job, Place]:
        request = replace(self.asked.work.request(host), fingerprint=self.asked.work.fingerprint)
        return self.runner.run(host, request, lambda: self.renter.fate(pod))

    def _lost(self, pod: Pod, error: UnreachableError) -> None:
        """Take note that a pod was taken away; raises the error again where it runs on, or nobody knows."""
        evidence = error.message if isinstance(error, LostError) else self._evidence(pod)
        if not evidence:
            raise error
        # Whoever set a limit did not mean that the pod is started again at once.
        end = limits.reached(pod, limits.spent(self.provider, [pod]).get(pod.id, 0.0))
        if end:
            raise DgopsError(f"{self.name} stopped itself at {end}", "the same command again starts it and goes on")
        self.losses.append(evidence)
        self.hands.say(f"{self.name}  lost: {evidence}")
        if len(self.losses) > MOST_LOST:
            raise DgopsError(f"{self.name}: {len(self.losses)} pods were lost", "another data centre, or no spot pod?")

    def _evidence(self, pod: Pod) -> str:
        try:
            return self.renter.fate(pod)
        except DgopsError:
            return ""

    def _over(self, pod: Pod, host: Host, job: Job, place: Place) -> Outcome:
        """Bring everything home and stop the pod, or say what kept it from being stopped."""
        if job.status != "succeeded":
            words = f"job {job.id} {job.status}: {job.first_failure or job.reason or 'it said nothing'}"
            return self._outcome(job, None, DgopsError(words, f"dgops jobs show {job.id}"))
        pulled = self.runner.home(place)
        if pulled and pulled.missing:
            words = f"job {job.id} did not make {', '.join(pulled.missing)}"
            return self._outcome(job, pulled, DgopsError(words, f"dgops jobs show {job.id}"))
        moved = _moved(pulled) if pulled else "at home already"
        self.hands.step(self.name, "outputs", moved if place.outputs else "none declared", 0.0)
        return self._outcome(job, pulled, self._stopped(pod, host))

    def _tell_bill(self) -> None:
        """Say what is billed on, and how that ends; nobody reads it out of an error that is about something else."""
        again = "the same command again goes on from here"
        try:
            pod = self.renter.there()
        except DgopsError:
            self.hands.say(f"{self.name}  whether its pod is billed could not be asked: dgops pod list; {again}")
            return
        if pod and pod.status not in up_pod.DOWN:
            cost = f"its pod runs on for {pod.cost:.2f} $ an hour"
            self.hands.say(f"{self.name}  {cost}: dgops pod stop {self.name}; {again}")

    def _stopped(self, pod: Pod, host: Host) -> DgopsError | None:
        begun = time.monotonic()
        try:
            up_edits.bring_home(host, self.settings, self.hands.say)
            before_end(self.settings, pod, self.hands.guard)
        except DgopsError as error:
            if not self._evidence(pod):
                return error
        now = self.renter.there()
        if now and "stop" in now.actions:
            intents = intents_of(self.settings)
            intents.stopping(self.name, now.id, now.started)
            self._stop(now.id)
            intents.stopped(self.name, now.id, now.started)
        kept = f"volume {pod.volume_id} stays" if pod.volume_id else "its own volume stays" if pod.root else "no volume"
        self.hands.step(self.name, "stopped", kept, time.monotonic() - begun)
        return None

    def _stop(self, pod_id: str) -> None:
        try:
            self.provider.stop(pod_id)
        except UnreachableError:
            # The answer may be lost alone: what RunPod did is what it shows.
            after = self.renter.there()
            if after and "stop" in after.actions:
                raise

    def _outcome(self, job: Job, pulled: Pulled | None, trouble: DgopsError | None) -> Outcome:
        return Outcome(job.id, pulled, False, tuple(self.losses), self.ready_seconds, trouble)


def _moved(pulled: Pulled) -> str:
    count = pulled.moved.files
    return f"{counted(count, 'file')}, {pulled.moved.size / 1e6:.1f} MB verified"
