"""Server-sent events: a log that is taken up where it was cut, within a deadline."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from dgops.pods.runpod.problems import error_of
from dgops.pods.runpod.session import ONE_TRY, body_of, silence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

LONGEST_LINE = 64 << 10
# A server that cuts each stream at once is asked so often.
CUTS = 5
PAUSE = 0.5


def follow(
    client: httpx.Client, path: str, what: str, query: Mapping[str, str], seconds: float, quiet: float
) -> Iterator[dict[str, Any]]:
    """Yield the data of events until the seconds are over, nothing came for `quiet` seconds, or the stream ends.

    A connection that is cut is opened again after the last event that came (Last-Event-ID).
    """
    import httpx

    ends, last, cuts = time.monotonic() + seconds, "", 0
    while True:
        headers = {"Last-Event-ID": last} if last else {}
        patience = httpx.Timeout(min(quiet, max(0.1, ends - time.monotonic())), connect=ONE_TRY)
        try:
            with client.stream("GET", path, params=dict(query), headers=headers, timeout=patience) as answer:
                if not answer.is_success:
                    answer.read()
                    raise error_of(answer.status_code, body_of(answer), what)
                for identity, data in _events(answer, ends, quiet):
                    last = identity or last
                    yield data
                return
        except httpx.ReadTimeout:
            return  # nothing more was said in time, which is how a quiet log ends
        except httpx.HTTPError as error:
            cuts += 1
            if cuts > CUTS or time.monotonic() + PAUSE > ends:
                raise silence(error, client.base_url) from None
            time.sleep(PAUSE)


def _events(answer: httpx.Response, ends: float, quiet: float) -> Iterator[tuple[str, dict[str, Any]]]:
    identity, heard = "", time.monotonic()
    for line in answer.iter_lines():
        if line.startswith("id:"):
            identity = line.removeprefix("id:").strip()
        elif line.startswith("data:") and len(line) < LONGEST_LINE:
            yield identity, _data(line.removeprefix("data:"))
            heard = time.monotonic()
        # Comments keep a connection alive, and say nothing.
        if time.monotonic() > min(ends, heard + quiet):
            return


def _data(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
