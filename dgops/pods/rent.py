"""Renting a pod from wish to ready: nothing that did not get ready stays billed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from dgops.errors import CapacityError, DgopsError, UnreachableError
from dgops.pods import create, names, ready, wishes
from dgops.pods.models import STOPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.pods.create import Created
    from dgops.pods.intents import Intents
    from dgops.pods.models import Pod
    from dgops.pods.provider import Provider
    from dgops.pods.wishes import OwnKey, Wish


class Door(Protocol):
    """How a pod is got into, and its machine judged."""

    def enter(self, pod: Pod) -> None:
        """Get in, or raise UnreachableError with what keeps us out now."""

    def judge(self, pod: Pod, gpus: int) -> None:
        """Raise DgopsError where the machine is not worth its price."""


def rent(
    provider: Provider,
    intents: Intents,
    wish: Wish,
    key: OwnKey,
    seconds: float,
    say: Callable[[str], None],
    door: Door,
) -> Created:
    """Rent a pod, or find it, and wait until our key opens it; a machine that is no good goes, and the next is tried.

    Raises UnreachableError with every reason where none got ready. An interrupt ends a new pod; one that was found
    is left alone.
    """
    names.remote(wish.name)
    volumes = provider.volumes() if wish.volume else ()
    spot_prices = provider.spot_prices() if wish.spot else {}
    candidates = wishes.requests(wish, provider.gpus(), volumes, key.public, spot_prices)
    passed: tuple[str, ...] = ()
    while True:
        try:
            done = create.create(provider, wish.name, candidates, intents, key.identity)
        except CapacityError as error:
            if not passed:
                raise
            lines = "\n  ".join(passed)
            raise UnreachableError(f"{error.message}\n  {lines}", error.hint) from None
        passed += done.passed
        if done.outcome == "found":
            return _found(provider, done, seconds, say, door)
        if not seconds:
            return replace(done, passed=passed)
        try:
            pod = ready.wait(provider, done.pod.id, seconds, say, door.enter)
            door.judge(pod, wish.gpu_count)
            return replace(done, pod=pod, passed=passed)
        except DgopsError as error:
            say(f"{wish.name}  terminated again: {error.message}")
            _end(provider, intents, wish.name, done.pod.id)
            passed += (f"{candidates[done.taken].gpu}: {error.message}; it was terminated",)
        except KeyboardInterrupt:
            _interrupted(provider, intents, wish.name, done.pod.id, say)
            raise
        candidates = candidates[done.taken + 1 :]
        if not candidates:
            lines = "\n  ".join(passed)
            raise UnreachableError(
                f"no pod for {wish.name}:\n  {lines}", "create it again: another machine may do better"
            )


def _found(provider: Provider, done: Created, seconds: float, say: Callable[[str], None], door: Door) -> Created:
    name = names.short(done.pod.name)
    if done.pod.status == STOPPED:
        raise DgopsError(f"{name} is there, and stopped", f"dgops pod start {name}")
    return replace(done, pod=ready.wait(provider, done.pod.id, seconds, say, door.enter)) if seconds else done


def _interrupted(provider: Provider, intents: Intents, name: str, pod_id: str, say: Callable[[str], None]) -> None:
    say(f"{name}  interrupted before it was ready: the new pod is terminated")
    try:
        _end(provider, intents, name, pod_id)
    except KeyboardInterrupt:
        say(f"{name}  may be rented still, and is billed then: dgops pod terminate {name}")


def _end(provider: Provider, intents: Intents, name: str, pod_id: str) -> None:
    try:
        provider.terminate(pod_id)
    except DgopsError as error:
        raise UnreachableError(
            f"{name} could not be terminated and is billed: {error.message}", f"dgops pod terminate {name}"
        ) from None
    intents.drop(name)
