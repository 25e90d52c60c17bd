"""Why a pod that stands still stopped itself: its bill has reached its ceiling, or its container's log says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.agent.spend_guard import FAREWELL
from dgops.errors import DgopsError
from dgops.pods import limits, ready

if TYPE_CHECKING:
    from dgops.pods.models import Pod
    from dgops.pods.provider import Provider

# A log that is over says so by silence.
SECONDS, QUIET = 5.0, 1.5
# So much is shown of what a pod says for itself.
LONGEST = 200


def reason(provider: Provider, pod: Pod, spent: float) -> str:
    """Return why a pod stopped itself, empty where nothing tells; one without limits is not asked about."""
    if not limits.of(pod).any():
        return ""
    end = limits.reached(pod, spent)
    return f"{end} is reached, {spent:.2f} $ are billed" if end else _printed(provider, pod.id)


def _printed(provider: Provider, pod_id: str) -> str:
    found = ""
    try:
        for line in provider.log(pod_id, SECONDS, QUIET):
            if line.startswith(FAREWELL):
                found = line.removeprefix(FAREWELL).strip()[:LONGEST]
            elif ready.printed(line):
                # It started again after that.
                found = ""
    except DgopsError:
        return found
    return found
