"""A way from here to a host's ComfyUI, watched for as long as somebody uses it."""

from __future__ import annotations

import contextlib
import time
import urllib.request
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, UnreachableError
from dgops.generation.comfyui import standing
from dgops.generation.comfyui.installed import installed
from dgops.generation.comfyui.standing import INCOMPLETE, READY
from dgops.jobs.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dgops.hosts.host import Host
    from dgops.settings import Settings

LOOK_SECONDS, PAUSE = 10.0, 5.0
# A server that is busy with a picture answers late.
MOST_MISSED = 3


@contextlib.contextmanager
def reached(host: Host, settings: Settings) -> Iterator[str]:
    """Yield the address here that leads to the host's ComfyUI; raises DgopsError where none runs there."""
    at = installed(host, settings)
    with Link(host, settings) as link:
        state = standing.look(link, at).state
        if state not in (READY, INCOMPLETE):
            raise DgopsError(f"ComfyUI on {host.name} is {state}", f"dgops comfyui start --host {host.name}")
        with link.transport().tunnel(at.port) as port:
            yield f"http://127.0.0.1:{port}"


def watch(url: str, name: str, rest: Callable[[float], None] = time.sleep) -> None:
    """Return never; raises UnreachableError when the way is cut, or ComfyUI is gone."""
    missed = 0
    while missed < MOST_MISSED:
        rest(PAUSE)
        missed = 0 if answers(url) else missed + 1
    raise UnreachableError(
        f"{name}: ComfyUI can no longer be reached", f"dgops comfyui status --host {name}, then open it again"
    )


def answers(url: str) -> bool:
    """Say whether ComfyUI answers at an address here."""
    try:
        with urllib.request.urlopen(f"{url}/system_stats", timeout=LOOK_SECONDS) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
