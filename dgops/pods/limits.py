"""What a pod may cost: as it is asked for, as the pod's own environment carries it, and how it stands."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dgops.agent import spend
from dgops.errors import DgopsError
from dgops.pods import names
from dgops.pods.models import RUNNING
from dgops.settings import RUNPOD_URL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.pods.models import Pod
    from dgops.pods.provider import Provider
    from dgops.settings import Settings

# What of a pod's environment is about its limits, and may be shown: the rest may hold secrets.
NAMES = spend.NAMES


@dataclass(frozen=True)
class Asked:
    """Limits of a pod that is to be created: seconds of each run, dollars in all, seconds and percent of idleness."""

    ttl: float = 0.0
    max_cost: float = 0.0
    idle: float = 0.0
    idle_gpu: float = spend.QUIET_GPU
    url: str = RUNPOD_URL

    def environment(self, price: float) -> dict[str, str]:
        """Return what goes into the environment of a pod at so many dollars an hour; nothing without a limit."""
        stated = {spend.TTL: self.ttl, spend.MAX_COST: self.max_cost, spend.IDLE: self.idle}
        found = {name: f"{value:g}" for name, value in stated.items() if value}
        if not found:
            return {}
        found[spend.PRICE] = f"{price:g}"
        if self.idle:
            found[spend.IDLE_GPU] = f"{self.idle_gpu:g}"
        if self.url != RUNPOD_URL:
            found[spend.API_URL] = self.url
        return found


def asked(settings: Settings, ttl: str = "", max_cost: float = 0.0) -> Asked:
    """Return the limits of a create: its options, else what the settings say."""
    own = settings.pods
    length = ttl or own["ttl"]
    return Asked(
        spend.duration(length) if length else 0.0,
        max_cost or own["max_cost"] or 0.0,
        (own["idle_minutes"] or 0.0) * 60,
        own["idle_gpu"],
        settings.runpod_url,
    )


def of(pod: Pod) -> spend.Limits:
    """Return the limits that a pod was created with."""
    return spend.limits_of(pod.limits)[0]


def standing(pod: Pod, spent: float, now: float | None = None) -> tuple[spend.State, spend.Verdict]:
    """Return how a pod stands with its limits, and what comes next; idleness is seen on the pod only."""
    limits = of(pod)
    state = spend.State(_running(pod, time.time() if now is None else now), spent, kept=bool(pod.root))
    return state, spend.judge(limits._replace(idle=None), state)


def reached(pod: Pod, spent: float, now: float | None = None) -> str:
    """Return the limit that a pod has come to, empty where it has come to none; one that stands still: its ceiling."""
    verdict = standing(pod, spent, now)[1]
    return verdict.reason if verdict.action == spend.STOP else ""


def stops_in(pod: Pod, spent: float, now: float | None = None) -> float | None:
    """Return in how many seconds a running pod stops itself at the latest, None where it does not."""
    if pod.status != RUNNING or not of(pod).any():
        return None
    return standing(pod, spent, now)[1].left


def spent(provider: Provider, pods: Sequence[Pod]) -> dict[str, float]:
    """Return what pods with a ceiling have cost, by id; nothing is asked where none has one."""
    if all(of(one).max_cost is None for one in pods):
        return {}
    return {one.pod_id: one.total for one in provider.bills()}


def require_left(provider: Provider, pod: Pod) -> None:
    """Refuse a pod that has cost what it may: it would stop itself as soon as it is started."""
    cost = spent(provider, [pod]).get(pod.id, 0.0)
    end = reached(pod, cost)
    if not end:
        return
    name = names.short(pod.name)
    other = "create another one on the same volume" if pod.volume_id else "create another one"
    raise DgopsError(
        f"{name} has cost {cost:.2f} $, and {end} is reached: started it would stop itself at once",
        f"a limit is for good: dgops pod terminate {name}, then {other}",
    )


def differing(asked: Asked, pod: Pod) -> str:
    """Return a pod's limits in words where others were asked for, empty where none were or they are the same."""
    wanted = spend.limits_of(asked.environment(1.0))[0]
    if not wanted.any() or _bounds(wanted) == _bounds(of(pod)):
        return ""
    return described(of(pod)) or "none"


def _bounds(limits: spend.Limits) -> tuple[float | None, ...]:
    return limits.ttl, limits.max_cost, limits.idle


def described(limits: spend.Limits) -> str:
    """Return limits in words."""
    words = [f"TTL {spend.lasting(limits.ttl)}"] if limits.ttl is not None else []
    words += [f"at most {limits.max_cost:.2f} $"] if limits.max_cost is not None else []
    words += [f"idle {spend.lasting(limits.idle)}"] if limits.idle is not None else []
    return ", ".join(words)


def _running(pod: Pod, now: float) -> float:
    """Return for how long a pod has run, by the provider's time of its start."""
    try:
        started = datetime.fromisoformat(pod.started.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
    return max(0.0, now - started) if pod.status == RUNNING else 0.0


def carried(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what of a pod's environment states its limits."""
    return {name: str(environment[name]) for name in NAMES if name in environment}
