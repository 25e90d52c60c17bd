"""The marker: the host's copy of its contract."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional

from dgops.agent import roots, watch


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Write the contract in the request as this host's marker, whole or not at all."""
    path = roots.CONTRACT
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    temporary = path + ".new"
    with open(temporary, "w") as stream:
        json.dump(request["contract"], stream, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
    # A pod has nothing else that would start it again.
    watch.ensure()
    return {"path": path}


def read() -> Optional[Dict[str, Any]]:
    """Return this host's id of contract, commit and time, None where there is no marker."""
    contract = roots.record(roots.CONTRACT)
    return {key: contract.get(key) for key in ("id", "commit", "deployed_at", "deployed_by")} if contract else None
