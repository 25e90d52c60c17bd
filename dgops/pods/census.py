"""One look at what is rented, which every pod command begins with: orphans are told, and what was seen is kept."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.pods import access, inventory_view, limits, names, reconcile, self_stop, truth
from dgops.pods.account import intents_of
from dgops.pods.models import RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dgops.pods.models import Balance, Pod
    from dgops.pods.provider import Provider
    from dgops.pods.reconcile import Found
    from dgops.pods.truth import Standing
    from dgops.settings import Settings

# Whoever only looks waits no longer for a pod's log.
PATIENCE = 4.0


def look(provider: Provider, settings: Settings, say: Callable[[str], None]) -> Found:
    """Return what is rented, and tell what a person here does not know yet: orphans, moves, and what is gone."""
    found = reconcile.reconcile(provider, intents_of(settings))
    inventory_view.remember(settings, found.pods)
    for pod in found.adopted:
        say(f"{names.short(pod.name)}  a create that was cut off had rented it: pod {pod.id}")
    for pod in found.moved:
        say(f"{names.short(pod.name)}  is another pod now: {pod.id}, on another machine")
    ended = [one for one in found.dropped if one.pod_id]
    why = ": the balance is used up" if ended and _is_broke(provider) else ""
    for intent in ended:
        access.forget(intent.pod_id, settings)
        say(f"{intent.name}  is rented no more: pod {intent.pod_id} was ended, and not from here{why}")
    for line in reconcile.strays(found):
        say(line)
    return found


def keep_limits(provider: Provider, settings: Settings, found: Found, say: Callable[[str], None]) -> None:
    """Go into pods of ours with limits where nobody was since their start: a keeper is started from inside only.

    A start that was cut off leaves such a one; what keeps us out now is told.
    """
    intents = intents_of(settings)
    for pod in (*found.known, *found.adopted, *found.moved):
        name = names.short(pod.name)
        known = intents.get(name)
        if not known or known.kept == pod.started or not (pod.status == RUNNING and pod.ssh and limits.of(pod).any()):
            continue
        try:
            access.Door(provider, settings, known.identity, say, PATIENCE).enter(pod)
        except DgopsError as error:
            say(f"{name}  may keep no limits yet, and costs on: {error.message}")
            continue
        after = intents.get(name)
        if after and after.kept == pod.started:
            say(f"{name}  keeps to its limits from now on: nobody was in since its start")


def _is_broke(provider: Provider) -> bool:
    try:
        return provider.balance().left <= 0
    except DgopsError:
        return False


def find(provider: Provider, settings: Settings, name: str, say: Callable[[str], None]) -> Pod:
    """Return the one pod of that name or id after a look; raises UsageError where there is none, or more than one."""
    return names.chosen(look(provider, settings, say).pods, name)


def remembered(settings: Settings, pods: tuple[Pod, ...]) -> dict[str, Standing]:
    """Return how each pod stood, by its id, as far as that is known without asking anybody."""
    known = intents_of(settings).all()
    return {pod.id: truth.standing(pod, known.get(names.short(pod.name))) for pod in pods}


def standings(
    provider: Provider, settings: Settings, pods: tuple[Pod, ...], spent: Mapping[str, float]
) -> dict[str, Standing]:
    """Return how each pod stands, by its id; `spent` is what those with a ceiling have cost.

    Balance and log are asked for only where a pod stands still without a word; what the log said is kept.
    """
    intents = intents_of(settings)
    balance: Balance | None = None
    silent = [pod for pod in pods if truth.asks_why(pod, intents.get(names.short(pod.name)))]
    if silent:
        with contextlib.suppress(DgopsError):
            balance = provider.balance()
    for pod in silent:
        name = names.short(pod.name)
        known = intents.get(name)
        if known and known.why and truth.is_last(pod, known):
            continue
        why = self_stop.reason(provider, pod, spent.get(pod.id, 0.0))
        if why:
            intents.note(name, why=why, stopped=False, run=pod.started)
    return {pod.id: truth.standing(pod, intents.get(names.short(pod.name)), balance) for pod in pods}
