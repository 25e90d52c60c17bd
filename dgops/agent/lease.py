"""A lease on the host: one deploy at a time, and a dead one frees it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from typing import Any, Dict, Optional

from dgops.agent import process

FOLDER = "/run/dgops"


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Acquire, renew or release the lease `name` for `token`.

    The request holds `op` (acquire, renew, release), `name`, `token`, `owner` and `ttl` in seconds. The answer
    holds `held`, and where somebody else has it, `owner` and `expires_in`. Time is the host's monotonic clock,
    so that a wrong clock on either side frees nothing early.
    """
    os.makedirs(FOLDER, mode=0o755, exist_ok=True)
    path = os.path.join(FOLDER, request["name"] + ".lease")
    with open(os.path.join(FOLDER, request["name"] + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _decide(path, request)


def _decide(path: str, request: Dict[str, Any]) -> Dict[str, Any]:
    now = time.monotonic()
    current = _read(path)
    if current and current["boot"] == _boot() and current["token"] != request["token"] and current["until"] > now:
        return {"held": False, "owner": current["owner"], "expires_in": round(current["until"] - now, 1)}
    if request["op"] == "release":
        if os.path.exists(path):
            os.unlink(path)
        return {"held": False, "owner": "", "expires_in": 0}
    if request["op"] == "renew" and (current is None or current["token"] != request["token"]):
        return {"held": False, "owner": current["owner"] if current else "", "expires_in": 0}
    record = {
        "token": request["token"],
        "owner": request["owner"],
        "until": now + request["ttl"],
        "boot": _boot(),
    }
    temporary = path + ".new"
    with open(temporary, "w") as stream:
        json.dump(record, stream)
    os.replace(temporary, path)
    return {"held": True, "owner": request["owner"], "expires_in": request["ttl"]}


def _read(path: str) -> Optional[Dict[str, Any]]:
    try:
        with open(path) as stream:
            record = json.load(stream)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and {"token", "owner", "until", "boot"} <= set(record) else None


def _boot() -> str:
    return ":".join(process.boot().values())
