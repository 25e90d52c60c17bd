"""Whether the environments that a host wants can work on its GPU and driver: said before anything is installed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dgops.environments import verdict
from dgops.errors import DgopsError
from dgops.health.fanout import each
from dgops.health.judge import one_line
from dgops.transport import agent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.deploy.look import Looked
    from dgops.settings import Settings

FAST_TEST = "fast-test"
DEFAULT = "cu121"


def refuse_unfit(todo: Sequence[Looked], settings: Settings) -> list[Looked]:
    """Return the hosts with an error on each whose profile of torch cannot work on the GPU that is seen there.

    Asked are only hosts that want a venv with torch; one without a GPU is left to health, which says so.
    """
    return list(each(lambda one: _judged(one, settings), todo, settings.forks))


def _judged(looked: Looked, settings: Settings) -> Looked:
    profile = wanted(looked.host.variables, settings.mode or looked.host.mode)
    if looked.error or profile is None or looked.transport is None:
        return looked
    try:
        answer = agent.call(looked.transport, "live", {"checks": [{"type": "gpu"}]})
        mode = settings.mode or looked.host.mode or "production"
        refused = verdict.refusal(profile, seen(answer), mode)
    except DgopsError as error:
        refused = error
    return replace(looked, error=refused) if refused else looked


def wanted(variables: Mapping[str, Any], mode: str | None) -> str | None:
    """Return the profile of a host that wants a venv with torch, None where it wants none or a template decides."""
    venvs = variables.get("python_env__venvs")
    named = isinstance(venvs, list) and any(isinstance(one, dict) and one.get("torch") for one in venvs)
    # Every app's venv holds torch.
    if not named and not variables.get("dgops_apps"):
        return None
    default = "cpu" if mode == FAST_TEST else DEFAULT
    profile = str(variables.get("python_env__profile") or variables.get("dgops_profile") or default)
    return None if "{{" in profile else profile


def seen(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and driver of each GPU in the agent's answer, whatever the host made of it."""
    observations = answer.get("observations")
    first = observations[0] if isinstance(observations, list) and observations else None
    found = first.get("seen") if isinstance(first, dict) else None
    gpus = found.get("gpus") if isinstance(found, dict) else None
    return [
        (one_line(gpu.get("name")), one_line(gpu.get("driver")))
        for gpu in (gpus if isinstance(gpus, list) else [])
        if isinstance(gpu, dict)
    ]
