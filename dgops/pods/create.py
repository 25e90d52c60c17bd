"""Creating a pod once, whatever fails on the way: candidates in order, and a look before anything is asked again."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.errors import CapacityError, DgopsError, ProviderError, UnreachableError, UsageError
from dgops.pods import names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dgops.pods.intents import Intents
    from dgops.pods.models import Pod, PodRequest
    from dgops.pods.provider import Provider

# With these the next candidate may be taken: a broken rule, a pool that is closed to us, nothing left.
NEXT = (400, 403, 404)
# How often, and how many seconds apart, a pod is looked for whose create was cut off.
LOOKS, PAUSE = 4, 1.5


@dataclass(frozen=True)
class Created:
    """The pod, how it came about (created, found), why other candidates were not taken, and which one was."""

    pod: Pod
    outcome: str
    passed: tuple[str, ...] = ()
    taken: int = 0


def create(
    provider: Provider,
    name: str,
    wishes: Sequence[PodRequest],
    intents: Intents,
    identity: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> Created:
    """Rent the first candidate that is to be had, or return the pod that has the name already.

    Raises CapacityError with every reason where none is to be had; then nothing was rented and nothing is left behind.
    Whoever interrupts it gets back what was asked for meanwhile; where that is not known yet, the intent stays.
    """
    with intents.alone(name):
        found = _there(provider, name)
        if found:
            intents.confirm(name, found.id)
            return Created(found, "found")
        intents.ask(name, identity)
        passed: list[str] = []
        for taken, wish in enumerate(wishes):
            try:
                if wish.bid:
                    intents.note(name, spot=wish.bid)
                pod = _once(provider, name, wish, sleep)
            except ProviderError as error:
                passed.append(error.message)
                if error.status not in NEXT:
                    intents.drop(name)
                    raise
                continue
            except KeyboardInterrupt:
                _take_back(provider, name, intents)
                raise
            intents.confirm(name, pod.id)
            return Created(pod, "created", tuple(passed), taken)
        intents.drop(name)
        raise CapacityError(
            f"no pod for {name}:\n  " + "\n  ".join(passed),
            "dgops pod offers shows what there is; more with --gpu A,B,C",
        )


def _once(provider: Provider, name: str, wish: PodRequest, sleep: Callable[[float], None]) -> Pod:
    """Ask for one candidate; an answer that was lost is looked for by name before it is asked for once more."""
    try:
        return provider.create(wish)
    except UnreachableError:
        pod = _look_for(provider, name, sleep)
        if pod:
            return pod
    except ProviderError:
        # At a bid any failure comes in the same form, those that happen after the pod was made included.
        pod = _there(provider, name) if wish.bid else None
        if pod:
            return pod
        raise
    try:
        return provider.create(wish)
    except UnreachableError as error:
        pod = _look_for(provider, name, sleep)
        if pod:
            return pod
        raise UnreachableError(
            f"{error.message}; whether {name} was created nobody knows", "dgops pod reconcile looks for it"
        ) from None


def _take_back(provider: Provider, name: str, intents: Intents) -> None:
    """End what an interrupted create may have made; what nobody can say now is left to the next command."""
    with contextlib.suppress(DgopsError):
        pod = _there(provider, name)
        if pod:
            intents.confirm(name, pod.id)
            provider.terminate(pod.id)
            intents.drop(name)


def _look_for(provider: Provider, name: str, sleep: Callable[[float], None]) -> Pod | None:
    for _ in range(LOOKS):
        try:
            found = _there(provider, name)
        except UnreachableError:
            found = None
        if found:
            return found
        sleep(PAUSE)
    return None


def _there(provider: Provider, name: str) -> Pod | None:
    wanted = names.remote(name)
    found = [one for one in provider.pods() if one.name == wanted]
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise UsageError(f"{len(found)} pods are called {name}, all of them billed: {ids}", "dgops pod terminate ID")
    return found[0] if found else None
