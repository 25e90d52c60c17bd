"""The process that talks to the keyring: a request on stdin, one JSON line as its answer.

A locked keyring may wait for somebody at a desktop for ever, in code that nothing can interrupt; a process can
be ended.
"""

from __future__ import annotations

import json
import sys
from typing import Any

SERVICE = "dgops"


def main() -> None:
    """Answer the request on stdin."""
    request = json.load(sys.stdin)
    # A backend that talks must not talk into the answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    answers.write(json.dumps(answer(request)) + "\n")


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return what the keyring said: `trouble` in words, `absent` where this machine has none, else the answer."""
    try:
        from keyring import errors
    except ImportError:
        return {"absent": True}
    try:
        return _asked(request)
    except errors.NoKeyringError:
        return {"absent": True}
    except errors.KeyringError as error:
        return {"trouble": f"{type(error).__name__}: {error}".rstrip(": ")}


def _asked(request: dict[str, Any]) -> dict[str, Any]:
    import keyring

    names = request["names"]
    if request["op"] == "set":
        (name,) = names
        keyring.set_password(SERVICE, name, request["value"])
        # There is a backend that takes everything and keeps nothing.
        return {"kept": keyring.get_password(SERVICE, name) == request["value"]}
    values = {name: keyring.get_password(SERVICE, name) for name in names}
    found = {name: value for name, value in values.items() if value}
    if request["op"] == "delete":
        for name in found:
            keyring.delete_password(SERVICE, name)
    # A value leaves this process only where it is asked for.
    return {"found": found} if request["op"] == "get" else {"found": sorted(found)}


if __name__ == "__main__":
    main()
