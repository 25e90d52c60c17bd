"""What root alone writes on a host, and is therefore believed: its contract, and what roles wish of the agent."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional

CONTRACT = "/var/lib/dgops/contract.json"
# The role health_watch writes it.
HEALTH_WATCH = "/usr/local/share/dgops/health_watch.json"


def record(path: str) -> Optional[Dict[str, Any]]:
    """Return the JSON object in a file of ours, None where there is none.

    One that others may write, or have given us, is none.
    """
    try:
        with open(path) as stream:
            status = os.fstat(stream.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                return None
            found = json.load(stream)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
