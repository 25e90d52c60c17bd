"""What is rented against what we know of: orphans are found by their names, records of what is gone are dropped."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.errors import BusyError
from dgops.pods import names
from dgops.pods.models import RUNNING, STOPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.pods.intents import Intent, Intents
    from dgops.pods.models import Pod
    from dgops.pods.provider import Provider

# Until a list has shown it: a create that was cut off may be done later than we look, a list be older than an answer.
GRACE = 120.0


@dataclass(frozen=True)
class Found:
    """Every pod of the account, and whose they are.

    `known` pods are ours, `adopted` ones were asked for here and are known from now on, `moved` ones came in the place
    of a pod of ours that is gone, of `strangers` nobody here knows, and `dropped` names are rented no more.
    """

    pods: tuple[Pod, ...] = ()
    known: tuple[Pod, ...] = ()
    adopted: tuple[Pod, ...] = ()
    moved: tuple[Pod, ...] = ()
    strangers: tuple[Pod, ...] = ()
    dropped: tuple[Intent, ...] = ()


def reconcile(provider: Provider, intents: Intents) -> Found:
    """Compare what is rented with what we know, and mend what we know; nothing that is rented is touched."""
    # Before the pods: one that is created meanwhile is then no stranger's, only not listed.
    asked = intents.all()
    pods = tuple(provider.pods())
    ids = {pod.id for pod in pods}
    kinds: dict[str, list[Pod]] = {"known": [], "adopted": [], "moved": [], "strangers": []}
    taken: set[str] = set()
    for pod in (one for one in pods if one.name.startswith(names.PREFIX)):
        intent = asked.get(names.short(pod.name))
        kind = _kind(pod, intent, ids) if intent and intent.name not in taken else "strangers"
        if intent and kind in ("adopted", "moved"):
            # Of two that could be it, one is: the other is named as a stranger, and billed no less.
            taken.add(intent.name)
            # One that runs elsewhere was started there: whoever stops it next is not us.
            still = intent.stopped and pod.status == STOPPED
            intents.note(intent.name, pod_id=pod.id, moved=intent.pod_id, seen=True, stopped=still)
        elif intent and kind == "known":
            _seen(pod, intent, intents)
        kinds[kind].append(pod)
    gone = [one for one in asked.values() if one.pod_id not in ids and one.name not in taken]
    over = [one for one in gone if one.seen or time.time() - one.asked > GRACE]
    dropped = tuple(one for one in over if _drop(intents, one.name))
    known, adopted, moved, strangers = (tuple(kind) for kind in kinds.values())
    return Found(pods, known, adopted, moved, strangers, dropped)


def _seen(pod: Pod, intent: Intent, intents: Intents) -> None:
    """Note what a list tells of a pod that is known: that it is there, and that a stop which got no answer was none."""
    if not intent.seen:
        intents.note(intent.name, seen=True)
    if intent.stopped and not intent.sure and pod.status == RUNNING and pod.started == intent.run:
        intents.note(intent.name, stopped=False, run="")


def _kind(pod: Pod, intent: Intent, ids: set[str]) -> str:
    if intent.pod_id == pod.id:
        return "known"
    if not intent.pod_id:
        return "adopted"
    return "strangers" if intent.pod_id in ids else "moved"


def strays(found: Found) -> Sequence[str]:
    """Return a line for each pod that costs money and nobody here asked for."""
    return [
        f"{one.name} ({one.id}) is rented, and nobody here asked for it: dgops pod terminate {one.id}"
        for one in found.strangers
    ]


def _drop(intents: Intents, name: str) -> bool:
    """Drop a record whose pod is gone; one that is being asked for this moment stays."""
    try:
        with intents.alone(name):
            intents.drop(name)
    except BusyError:
        return False
    return True
