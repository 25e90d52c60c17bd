"""Look at a host: one request, every observation, nothing changed."""

from __future__ import annotations

import os
import platform
import time
from typing import Any, Callable, Dict, List

from dgops.agent import keys, live_machine, look, marker, observe, wheel_notes


def _clone(check: Dict[str, Any]) -> Dict[str, Any]:
    # Loaded here: most hosts have no clones, and all of them are looked at.
    from dgops.agent import clone_look

    return clone_look.clone(check)


OBSERVERS: Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]] = {
    "clone": _clone,
    "command": observe.command,
    "directory": observe.file,
    "file": observe.file,
    "git_config": observe.git_config,
    "key_pair": keys.key_pair,
    "link": observe.file,
    "package": observe.package,
    "program": observe.program,
    "user": observe.user,
    "venv": observe.venv,
    "wheel": observe.wheel,
    "wheels": wheel_notes.seen,
}


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Observe everything that the request's `checks` name, plus facts and the marker.

    `look` asks for what roles look at before they begin (`look.answer`), answered as `seen`.
    Each observation is {"seen": {...}} or {"error": text}: could not look is not the same as looked and absent.
    Live checks run in one child under `runtime` (a venv with psutil and nvidia-ml-py) as its owner; `deep` lets them
    read what is too large to be read at every look.
    """
    arrived, started = time.time(), time.monotonic()
    checks = request.get("checks", [])
    observations = [_observe(check) if check["kind"] == "state" else None for check in checks]
    state_seconds = time.monotonic() - started
    seen = iter(_live([check for check in checks if check["kind"] == "live"], request))
    return {
        "seen": look.answer(request["look"]) if request.get("look") else {},
        "facts": facts(request.get("persistent_root")),
        "marker": marker.read(),
        # The host's clock when it was asked and when it answered, in seconds since 1970.
        "clock": [arrived, arrived + time.monotonic() - started],
        "observations": [next(seen) if one is None else one for one in observations],
        "state_seconds": round(state_seconds, 4),
        "seconds": round(time.monotonic() - started, 4),
    }


def facts(persistent_root: Any) -> Dict[str, Any]:
    """Return what a person wants to know of a host at a glance."""
    root = persistent_root if persistent_root and os.path.isdir(persistent_root) else "/"
    return {
        "disk": live_machine.disk_seen(root),
        "fresh_disk": live_machine.disk_seen("/"),
        "hostname": os.uname().nodename,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "user": os.geteuid(),
        "wsl": "microsoft" in platform.release().lower(),
    }


def _live(checks: List[Dict[str, Any]], request: Dict[str, Any]) -> List[Dict[str, Any]]:
    if not checks:
        return []
    # Loaded here: a look at state alone is done in the time that loading this takes.
    from dgops.agent import live

    return live.run(checks, request.get("runtime"), bool(request.get("deep")))


def _observe(check: Dict[str, Any]) -> Dict[str, Any]:
    try:
        return {"seen": OBSERVERS[check["type"]](check)}
    except (OSError, KeyError, ValueError) as error:
        return {"error": "{}: {}".format(type(error).__name__, error)}
