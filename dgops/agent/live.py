"""What changes while nobody deploys: every live check at once, each answered or out of time by itself."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
import time
from typing import Any, Dict, List, Optional

from dgops.agent import observe

# What observes each type: the function of that name in the module, loaded when it is asked for.
OBSERVERS: Dict[str, str] = {
    "clock": "dgops.agent.live_machine",
    "comfyui": "dgops.agent.live_services",
    "defender": "dgops.agent.live_windows",
    "disk": "dgops.agent.live_machine",
    "edits": "dgops.agent.clone_look",
    "git_auth": "dgops.agent.live_git",
    "git_lock": "dgops.agent.live_git",
    "gpu": "dgops.agent.live_gpu",
    "http": "dgops.agent.live_services",
    "memory": "dgops.agent.live_machine",
    "model": "dgops.agent.live_models",
    "port": "dgops.agent.live_services",
    "shm": "dgops.agent.live_machine",
    "spend": "dgops.agent.live_spend",
    "sshd": "dgops.agent.live_services",
    "torch": "dgops.agent.live_gpu",
    "watch": "dgops.agent.live_watch",
    "wheel_cache": "dgops.agent.live_machine",
}
DEADLINE = 30.0
# Reading every byte of large model files takes as long as the disk takes.
DEEP_DEADLINE = 1800.0
# What the child needs to answer after its own deadline.
MARGIN = 3.0
# The child runs in a clean environment; by this one it is known which sshd let the caller in.
HANDED_ON = ("SSH_CONNECTION",)


def run(checks: List[Dict[str, Any]], runtime: Optional[str], deep: bool = False) -> List[Dict[str, Any]]:
    """Observe live checks, in a child under the runtime venv as its owner where there is one."""
    python = os.path.join(runtime or "", "bin", "python")
    if not checks:
        return []
    request = {"checks": checks, "deadline": DEEP_DEADLINE if deep else DEADLINE, "deep": deep}
    if not runtime or not os.path.exists(python) or os.geteuid() != 0:
        return list(answer(request)["observations"])
    try:
        owner = observe.owner_of(runtime)
    except (OSError, KeyError) as error:
        return [{"error": "{}: {}".format(type(error).__name__, error)}] * len(checks)
    return _in_runtime(request, python, owner)


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Observe every live check of the request; `deep` reads what is too large to be read at every look."""
    checks = [dict(check, deep=bool(request.get("deep"))) for check in request["checks"]]
    return {"observations": _observe_all(checks, float(request.get("deadline", DEADLINE)))}


def _in_runtime(request: Dict[str, Any], python: str, owner: str) -> List[Dict[str, Any]]:
    count, deadline = len(request["checks"]), request["deadline"]
    # The zip lies in a home that the venv's owner cannot read; an anonymous file can be opened again by anybody.
    agent = os.memfd_create("dgops-agent")
    with open(sys.argv[0], "rb") as stream:
        os.write(agent, stream.read())
    known = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    try:
        child = subprocess.run(
            [python, "/proc/self/fd/{}".format(agent), "live"],
            input=json.dumps(request).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(agent,),
            timeout=deadline + MARGIN,
            cwd="/",
            env=dict(observe.environment(owner), **known),
            preexec_fn=lambda: observe.enter(owner),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [{"error": "no answer within {:.0f} s".format(deadline)}] * count
    finally:
        os.close(agent)
    if child.returncode:
        lines = child.stderr.decode(errors="replace").strip().splitlines() or ["exit {}".format(child.returncode)]
        return [{"error": "{}: {}".format(python, lines[-1])}] * count
    return _read(child.stdout, count) or [{"error": "{}: answers rubbish".format(python)}] * count


def _read(output: bytes, count: int) -> List[Dict[str, Any]]:
    """Return the child's observations, nothing where it answered something else: its venv belongs to a user."""
    try:
        observations = json.loads(output)["observations"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return []
    good = isinstance(observations, list) and len(observations) == count
    return observations if good and all(isinstance(one, dict) for one in observations) else []


def _observe_all(checks: List[Dict[str, Any]], deadline: float) -> List[Dict[str, Any]]:
    """Observe at once: importing torch from a cold disk and asking a forge take seconds each.

    Daemon threads and one deadline for all: whatever hangs costs its own check its answer, and no other.
    """
    until = time.monotonic() + deadline
    late = {"error": "no answer within {:.0f} s".format(deadline)}
    found: List[Dict[str, Any]] = [late] * len(checks)
    threads = [
        threading.Thread(target=_observe_into, args=(found, index, check), daemon=True)
        for index, check in enumerate(checks)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    # A copy: a late thread may still write.
    return list(found)


def _observe_into(found: List[Dict[str, Any]], index: int, check: Dict[str, Any]) -> None:
    found[index] = _observe(check)


def _observe(check: Dict[str, Any]) -> Dict[str, Any]:
    try:
        observer = getattr(importlib.import_module(OBSERVERS[check["type"]]), check["type"])
        return {"seen": observer(check)}
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        return {"error": "{}: {}".format(type(error).__name__, error)}
