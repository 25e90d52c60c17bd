"""A pod is ready when its own sshd answers: waiting for that, within a deadline."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, UnreachableError
from dgops.pods.models import RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.pods.models import Endpoint, Pod
    from dgops.pods.provider import Provider

PAUSE = 2.0
BANNER_SECONDS = 5.0
OVER = ("ERROR", "EXITED", "TERMINATED")
# What start.sh prints of each host key that it makes.
_PRINTED = re.compile(r"^\d+ (SHA256:[A-Za-z0-9+/]{43}) .*\((\w+)\)$")


def wait(provider: Provider, pod_id: str, seconds: float, say: Callable[[str], None]) -> Pod:
    """Return the pod once its sshd answers; raises UnreachableError when the seconds are over.

    The first port that is told after a start may be the old one, so it is asked for anew at every look.
    """
    ends, told = time.monotonic() + seconds, ""
    while True:
        pod = provider.pod(pod_id)
        if pod.status in OVER:
            raise DgopsError(f"pod {pod_id} is {pod.status} instead of ready", f"dgops pod show {pod_id}")
        if pod.status != told:
            say(f"{pod.name}  {pod.status.lower()}")
            told = pod.status
        if pod.status == RUNNING and pod.ssh and answers(pod.ssh):
            return pod
        if time.monotonic() + PAUSE > ends:
            why = f"no SSH server on port {pod.ssh.port}" if pod.ssh else f"it is {pod.status}, without an SSH port"
            raise UnreachableError(
                f"pod {pod_id} was not ready within {seconds:.0f} s: {why}", f"dgops pod show {pod_id}"
            )
        time.sleep(PAUSE)


def answers(endpoint: Endpoint) -> bool:
    """Tell whether an SSH server introduces itself there."""
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=BANNER_SECONDS) as link:
            link.settimeout(BANNER_SECONDS)
            return link.recv(8).startswith(b"SSH-2.0")
    except OSError:
        return False


def host_keys(provider: Provider, pod_id: str, seconds: float) -> dict[str, str]:
    """Return the fingerprints of the host keys that a pod printed at its start, by kind; none is no error."""
    found: dict[str, str] = {}
    try:
        for line in provider.log(pod_id, seconds):
            match = _PRINTED.match(line.strip())
            if match:
                found[match[2]] = match[1]
            elif found:
                break
    except DgopsError:
        return found
    return found
