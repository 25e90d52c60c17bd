"""Calls to RunPod over HTTP: the key in one header, a deadline on each, and patience where it is asked for."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from dgops.errors import UnreachableError, UsageError
from dgops.pods.runpod.problems import error_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    import httpx

    from dgops.errors import DgopsError

DEADLINE = 60.0
ONE_TRY = 20.0
# Where nobody listens at all, waiting for a minute helps nobody.
NOBODY = 3.0
# What may be said twice: a create that was cut off may have been done.
REPEATABLE = ("GET", "DELETE")


class Session:
    """One connection pool to one address with one key."""

    def __init__(
        self, url: str, key: str, sleep: Callable[[float], None] = time.sleep, deadline: float | None = None
    ) -> None:
        httpx = _loaded()
        # httpx would quote what it cannot send.
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise UsageError("RUNPOD_API_KEY holds what no key holds", "dgops secrets set RUNPOD_API_KEY")
        self._sleep, self._deadline = sleep, deadline
        # Whether something was asked for that may have changed what is rented.
        self.changing = False
        local = url.startswith("http://")
        self.client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json", "User-Agent": "dgops"},
            timeout=ONE_TRY,
            follow_redirects=False,
            # A proxy cannot reach this machine's loopback, and no certificate is shown there: reading those we trust
            # takes longer than the call.
            trust_env=not local,
            verify=not local,
        )

    def close(self) -> None:
        """Let the connections go."""
        self.client.close()

    def call(
        self,
        method: str,
        path: str,
        what: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        *,
        repeat: bool = False,
    ) -> Any:
        """Send a request and return its JSON, None where there is none; raises what `error_of` makes of a refusal.

        Waits out a 429 as long as it says, and repeats what may be repeated (with `repeat`, a POST that only asks), all
        within one deadline.
        """
        import httpx

        self.changing |= method != "GET" and not repeat
        began, ends, pause = time.monotonic(), time.monotonic() + (self._deadline or DEADLINE), 0.5
        harmless = repeat or method in REPEATABLE
        while True:
            wait = pause
            left = max(0.1, min(ONE_TRY, ends - time.monotonic()))
            try:
                answer = self.client.request(method, path, json=body, params=query, timeout=left)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                trouble: DgopsError = silence(error, self.client.base_url)
                again = harmless
                if isinstance(error, httpx.ConnectError):
                    ends = began + NOBODY
            else:
                if answer.is_success:
                    return _value(answer, what)
                trouble = error_of(answer.status_code, body_of(answer), what)
                again = answer.status_code == 429 or (answer.status_code >= 500 and harmless)
                wait = max(_seconds(answer), pause) if answer.status_code == 429 else pause
            if not again or time.monotonic() + wait > ends:
                raise trouble
            self._sleep(wait)
            pause = min(8.0, pause * 2)


def _loaded() -> ModuleType:
    """Return httpx without its own command line, which takes twice as long to load as all the rest (rich, pygments)."""
    main = "httpx._main"
    ours = main not in sys.modules
    if ours:
        # None is how Python marks a module that cannot be imported; httpx goes on without this one.
        sys.modules[main] = None  # type: ignore[assignment]
    try:
        import httpx
    finally:
        if ours:
            del sys.modules[main]
    return httpx


def silence(error: Exception, url: httpx.URL) -> UnreachableError:
    """Return the error for a request that nobody answered."""
    words = str(error) or type(error).__name__
    return UnreachableError(
        f"no answer from {url.host}: {words}", "look at the network, and at dgops settings: runpod_url"
    )


def _value(answer: httpx.Response, what: str) -> Any:
    if answer.status_code == 204 or not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        words = f"{what}: the answer is no JSON"
        raise UnreachableError(words, "is runpod_url RunPod's API?  dgops settings") from None


def body_of(answer: httpx.Response) -> Any:
    """Return the JSON of a refusal, None where it is none."""
    try:
        return answer.json()
    except ValueError:
        return None


def _seconds(answer: httpx.Response) -> float:
    """Return how long a 429 asks us to wait: Retry-After, else the reset of the window that is used up."""
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "")))
    except ValueError:
        pass
    for window in answer.headers.get("RateLimit", "").split(","):
        parts = dict(part.strip().partition("=")[::2] for part in window.split(";")[1:])
        if parts.get("r") == "0" and parts.get("t", "").isdigit():
            return float(parts["t"])
    return 0.0
