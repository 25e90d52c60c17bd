"""How a pod stands, in a word that a person acts on: what is wrong, why, and the next command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dgops.pods import names
from dgops.pods.models import RUNNING, STOPPED

if TYPE_CHECKING:
    from dgops.pods.intents import Intent
    from dgops.pods.models import Balance, Pod


# How the reason begins where money was: a start would be in vain.
SPENT = "its ceiling"


@dataclass(frozen=True)
class Standing:
    """A word, the reason where there is something to say, and what to do about it."""

    word: str
    why: str = ""
    next: str = ""
    spot: bool = False


def standing(pod: Pod, intent: Intent | None, balance: Balance | None = None) -> Standing:
    """Return how a pod stands; `intent` is what is known of it here, `balance` where somebody asked for it."""
    known = intent if intent and intent.pod_id == pod.id else None
    return replace(_standing(pod, known, balance), spot=bool(known and known.spot))


def _standing(pod: Pod, known: Intent | None, balance: Balance | None) -> Standing:
    name = names.short(pod.name)
    if pod.status == RUNNING:
        return _running(name, pod, known)
    if pod.status == STOPPED:
        return _stopped(name, pod, known, balance)
    if pod.status == "ERROR":
        return Standing("error", "RunPod says that its container cannot run", f"dgops pod logs {name}")
    return Standing(pod.status.lower())


def _running(name: str, pod: Pod, known: Intent | None) -> Standing:
    if not pod.gpu_count:
        why = "it runs without a GPU, since others took it, and is billed"
        return Standing("no GPU", why, f"dgops pod terminate {name}, and create one on the same volume")
    if not pod.ssh:
        return Standing("no SSH", "it runs, and no public port leads to its port 22", f"dgops pod logs {name}")
    if known and known.moved:
        why = f"it was moved to another machine: until then it was pod {known.moved}"
        return Standing("running", why, f"dgops deploy --host {name}")
    return Standing("running")


def asks_why(pod: Pod, intent: Intent | None) -> bool:
    """Tell whether a pod stands still and nobody here did it, so that the balance may say more."""
    return pod.status == STOPPED and bool(intent and intent.pod_id == pod.id and not _by_us(pod, intent))


def is_last(pod: Pod, known: Intent) -> bool:
    """Tell whether the run whose end is known is the pod's last one: a later one was started elsewhere."""
    return pod.started == known.run or "" in (pod.started, known.run)


def _by_us(pod: Pod, known: Intent) -> bool:
    return known.stopped and is_last(pod, known)


def _stopped(name: str, pod: Pod, known: Intent | None, balance: Balance | None) -> Standing:
    again = f"dgops pod start {name}"
    if known and _by_us(pod, known):
        return Standing("stopped", "", again)
    if balance and balance.left <= 0:
        why = f"the balance is used up ({balance.left:.2f} $), and RunPod stopped it"
        return Standing("no balance", why, f"add credit at RunPod, then {again}")
    if known and known.why and is_last(pod, known):
        if known.why.startswith(SPENT):
            again = f"dgops pod terminate {name}, and create another one: a ceiling is for good"
        return Standing("stopped", f"it stopped itself: {known.why}", again)
    if known and known.spot:
        return Standing("outbid", f"somebody bid more than its {known.spot:g} $ an hour, and it was stopped", again)
    if known:
        return Standing("stopped", "it was not stopped from here: RunPod did it, or the pod itself", again)
    return Standing("stopped", "", again)
