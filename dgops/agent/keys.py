"""Whether an SSH key can be read, and whether the public half beside it is its own."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

from dgops.agent.observe import run

LONGEST = 200


def key_pair(check: Dict[str, Any]) -> Dict[str, Any]:
    """Observe a private key: its public half as it says itself (`private`), and as the file beside it does (`public`).

    A key that a passphrase guards says nothing of itself: `guarded`. Nothing secret is in the observation.
    """
    path = check["path"]
    if not os.path.isfile(path):
        return {"exists": False}
    returncode, output = run(["ssh-keygen", "-y", "-P", "", "-f", path], None, 5)
    return {
        "exists": True,
        "private": _key(output) if returncode == 0 else None,
        "guarded": "incorrect passphrase" in output,
        "said": "" if returncode == 0 else " ".join(output.split())[-LONGEST:],
        "public": _read(path + ".pub"),
    }


def _read(path: str) -> Optional[str]:
    if not os.path.isfile(path):
        return None
    with open(path, errors="replace") as stream:
        return _key(stream.read(1 << 16))


def _key(text: str) -> str:
    """Return kind and key without the comment behind them."""
    return " ".join(text.split()[:2])
