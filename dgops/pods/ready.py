"""A pod is ready when its own sshd answers: waiting for that, within a deadline."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, UnreachableError
from dgops.pods import names
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


def wait(
    provider: Provider,
    pod_id: str,
    seconds: float,
    say: Callable[[str], None],
    enter: Callable[[Pod], None] = lambda _pod: None,
) -> Pod:
    """Return the pod once its sshd answers and `enter` gets in; raises UnreachableError when the seconds are over.

    The first port that is told after a start may be the old one, so it is asked for anew at every look.
    """
    ends, told = time.monotonic() + seconds, ""
    while True:
        pod = provider.pod(pod_id)
        if pod.status in OVER:
            raise DgopsError(f"pod {pod_id} is {pod.status} instead of ready", f"dgops pod show {pod_id}")
        if pod.status != told:
            say(f"{names.short(pod.name)}  {pod.status.lower()}")
            told = pod.status
        why = _try(pod, enter)
        if not why:
            return pod
        if time.monotonic() + PAUSE > ends:
            raise UnreachableError(
                f"pod {pod_id} was not ready within {seconds:.0f} s: {why}", f"dgops pod show {pod_id}"
            )
        time.sleep(PAUSE)


def _try(pod: Pod, enter: Callable[[Pod], None]) -> str:
    """Return what keeps us out of a pod, nothing where we got in."""
    if pod.status != RUNNING or not pod.ssh:
        return f"it is {pod.status}, without an SSH port"
    if not answers(pod.ssh):
        return f"no SSH server on port {pod.ssh.port}"
    try:
        enter(pod)
    except UnreachableError as error:
        return error.message
    return ""


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
            mark = printed(line)
            if mark:
                found[mark[0]] = mark[1]
            elif found:
                break
    except DgopsError:
        return found
    return found


def printed(line: str) -> tuple[str, str] | None:
    """Return kind and fingerprint of the host key that a line of the log prints, None where it prints none."""
    match = _PRINTED.match(line.strip())
    return (match[2], match[1]) if match else None
