"""The marker: the host's copy of its contract."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional

from dgops.agent import roots, watch

PATH = roots.CONTRACT


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
    """Return this host's id of contract, commit and time, None where there is no marker."""
    contract = roots.record(PATH)
    return {key: contract.get(key) for key in ("id", "commit", "deployed_at", "deployed_by")} if contract else None
