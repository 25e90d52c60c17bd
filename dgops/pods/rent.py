"""Renting a pod from wish to ready: nothing that did not get ready stays billed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, UnreachableError
from dgops.pods import create, names, ready, wishes
from dgops.pods.models import STOPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.pods.create import Created
    from dgops.pods.intents import Intents
    from dgops.pods.provider import Provider
    from dgops.pods.wishes import Wish


def rent(
    provider: Provider, intents: Intents, wish: Wish, key: str, seconds: float, say: Callable[[str], None]
) -> Created:
    """Rent a pod, or find it, and wait until its sshd answers; a new one that does not is terminated again."""
    names.remote(wish.name)
    gpus = provider.gpus()
    volumes = provider.volumes() if wish.volume else ()
    done = create.create(provider, wish.name, wishes.requests(wish, gpus, volumes, key), intents)
    if done.outcome == "found" and done.pod.status == STOPPED:
        raise DgopsError(f"{wish.name} is there, and stopped", f"dgops pod start {wish.name}")
    if not seconds:
        return done
    try:
        return replace(done, pod=ready.wait(provider, done.pod.id, seconds, say))
    except DgopsError as error:
        if done.outcome == "found":
            raise
        say(f"{wish.name}  terminated again: {error.message}")
        provider.terminate(done.pod.id)
        intents.drop(wish.name)
        raise UnreachableError(
            f"{error.message}; it was terminated", "create it again: another machine may do better"
        ) from None
