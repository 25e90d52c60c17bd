"""The marker: the host's copy of its contract."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional

from dgops.agent import watch

PATH = "/var/lib/dgops/contract.json"


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Write the contract in the request as this host's marker, whole or not at all."""
    os.makedirs(os.path.dirname(PATH), mode=0o755, exist_ok=True)
    temporary = PATH + ".new"
    with open(temporary, "w") as stream:
        json.dump(request["contract"], stream, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    os.chmod(temporary, 0o644)
    os.replace(temporary, PATH)
    # A pod has nothing else that would start it again.
    watch.ensure()
    return {"path": PATH}


def read() -> Optional[Dict[str, Any]]:
    """Return this host's id of contract, commit and time, None where there is no marker.

    One that others may write, or have given us, is none.
    """
    try:
        with open(PATH) as stream:
            status = os.fstat(stream.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                return None
            contract = json.load(stream)
    except (OSError, ValueError):
        return None
    if not isinstance(contract, dict):
        return None
    return {key: contract.get(key) for key in ("id", "commit", "deployed_at", "deployed_by")}
