"""The provider of this account, made from settings and the key that is kept with the other secrets."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dgops.hosts import secrets
from dgops.pods import inventory_age
from dgops.pods.intents import Intents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dgops.pods.provider import Provider
    from dgops.settings import Settings

KEY = "RUNPOD_API_KEY"


@contextmanager
def connected(settings: Settings, deadline: float | None = None) -> Iterator[Provider]:
    """Yield RunPod under the key of the keyring or the environment; after a change, hosts are listed anew.

    With a deadline, each call gives up after so many seconds.
    """
    from dgops.pods.runpod.client import RunPod
    from dgops.pods.runpod.graphql import GraphQL
    from dgops.pods.runpod.session import Session

    key = secrets.load([KEY])[KEY]
    with ExitStack() as open_ones:
        session = open_ones.enter_context(closing(Session(settings.runpod_url, key, deadline=deadline)))
        asked = session
        # What is believed of one address's certificate is not believed of another's.
        if _origin(settings.runpod_graphql_url) != _origin(settings.runpod_url):
            asked = open_ones.enter_context(closing(Session(settings.runpod_graphql_url, key, deadline=deadline)))
        try:
            yield RunPod(session, GraphQL(asked, settings.runpod_graphql_url))
        finally:
            if session.changing or asked.changing:
                inventory_age.expire(settings)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def intents_of(settings: Settings) -> Intents:
    """Return what was asked for from here, at this address: pods of a double are none of the account's."""
    return Intents(settings.state / "pods" / (urlsplit(settings.runpod_url).hostname or "unknown"))
