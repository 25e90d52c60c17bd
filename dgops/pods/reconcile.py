"""What is rented against what we know of: orphans are found by their names, records of what is gone are dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.errors import BusyError
from dgops.pods import names

if TYPE_CHECKING:
    from dgops.pods.intents import Intents
    from dgops.pods.models import Pod
    from dgops.pods.provider import Provider


@dataclass(frozen=True)
class Found:
    """`known` pods are ours, `adopted` ones were asked for here and are known from now on, of `strangers` nobody here
    knows, and `dropped` names are rented no more."""

    known: tuple[Pod, ...] = ()
    adopted: tuple[Pod, ...] = ()
    strangers: tuple[Pod, ...] = ()
    dropped: tuple[str, ...] = ()


def reconcile(provider: Provider, intents: Intents) -> Found:
    """Compare what is rented with what we know, and mend what we know; nothing that is rented is touched."""
    # Before the pods: one that is created meanwhile is then no stranger's, only not listed.
    asked = intents.all()
    pods = [one for one in provider.pods() if one.name.startswith(names.PREFIX)]
    known, adopted, strangers = [], [], []
    for pod in pods:
        intent = asked.get(names.short(pod.name))
        if intent and intent.pod_id == pod.id:
            known.append(pod)
        elif intent and not intent.pod_id:
            intents.confirm(intent.name, pod.id)
            adopted.append(pod)
        else:
            strangers.append(pod)
    there = {pod.id for pod in (*known, *adopted)}
    dropped = [name for name, intent in asked.items() if intent.pod_id not in there and _drop(intents, name, adopted)]
    return Found(tuple(known), tuple(adopted), tuple(strangers), tuple(dropped))


def _drop(intents: Intents, name: str, adopted: list[Pod]) -> bool:
    """Drop a record whose pod is gone; one that is being asked for this moment stays."""
    if any(names.short(pod.name) == name for pod in adopted):
        return False
    try:
        with intents.alone(name):
            intents.drop(name)
    except BusyError:
        return False
    return True
