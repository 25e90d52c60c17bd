"""Secrets in this person's keyring, and the list of their names, which no keyring gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError
from dgops.files import write_json

if TYPE_CHECKING:
    from collections.abc import Iterable

# Time for a person to unlock it.
PATIENCE = 30.0


def read(names: Iterable[str]) -> dict[str, str]:
    """Return the values of those names that the keyring holds; raises DgopsError where it cannot be asked."""
    found = _ask("get", list(names))["found"]
    return {str(name): str(value) for name, value in found.items()}


def held(names: Iterable[str]) -> set[str]:
    """Return which of the names the keyring holds, without their values; raises as `read` does."""
    return set(_ask("has", list(names))["found"])


def keep(name: str, value: str) -> None:
    """Put a secret into the keyring, in place of an older value; raises DgopsError unless it is there then."""
    if not _ask("set", [name], value)["kept"]:
        raise DgopsError("the keyring took the secret and did not keep it", _way_out(name))
    _write_names({*names(), name})


def remove(name: str) -> bool:
    """Take a secret out of the keyring and say whether it was there; raises as `read` does."""
    found = bool(_ask("delete", [name])["found"])
    if name in names():
        _write_names(set(names()) - {name})
    return found


def names() -> list[str]:
    """Return the names that were set here and not unset."""
    try:
        kept = json.loads(_names_file().read_text())["names"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in kept if isinstance(name, str)] if isinstance(kept, list) else []


def _write_names(kept: set[str]) -> None:
    write_json(_names_file(), {"names": sorted(kept)}, 0o600)


def _names_file() -> Path:
    # A keyring is a person's, not a project's.
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "dgops" / "secrets.json"


def _ask(op: str, asked: list[str], value: str | None = None) -> dict[str, Any]:
    request = json.dumps({"op": op, "names": asked, "value": value}).encode()
    name = asked[0] if len(asked) == 1 else "NAME"
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dgops.hosts.keyring_worker"],
            input=request,
            capture_output=True,
            timeout=PATIENCE,
            # No module of the folder that somebody happens to be in.
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )
    except subprocess.TimeoutExpired:
        raise DgopsError(
            f"the keyring gave no answer within {PATIENCE:g} s; is it locked?", _way_out(name, "unlock it")
        ) from None
    answer = _parsed(done.stdout)
    if answer.get("absent"):
        raise DgopsError("there is no keyring on this machine", _way_out(name, "install a keyring backend"))
    if "trouble" in answer or done.returncode != 0 or not answer:
        words = str(answer.get("trouble") or _last_line(done.stderr))
        raise DgopsError(f"the keyring failed: {words.replace(value, '***') if value else words}", _way_out(name))
    return answer


def _parsed(output: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(output)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _way_out(name: str, first: str = "") -> str:
    return f"export {name}=… in the environment" + (f", or {first}" if first else " instead")
