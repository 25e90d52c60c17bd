"""What an image of a profile installs beside the environment of dgops: the captioners' venv, with that torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.environments import locking, locks, profiles, tables
from dgops.errors import DgopsError
from dgops.images.kinds import USER

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT = "caption"
VENV = f"/home/{USER}/.caption-venv"
_RUNTIME = {"path": f"/home/{USER}/.runtime-venv", "lock": "runtime", "allow": ["dgops"]}


def variables(name: str | None) -> Mapping[str, Any]:
    """Return the variables of the build's host; without a profile nothing of torch is installed.

    Raises DgopsError where the profile's lock is not there or not whole, or its index does not answer: before a
    container is started.
    """
    if name is None:
        return {"dgops_mode": "fast-test"}
    profile = profiles.get(name)
    lock = locks.wanted(ENVIRONMENT).file_for(profile)
    _require_lock(lock, name)
    _require_index(profile.index)
    venv = {"path": VENV, "lock": lock, "torch": True}
    return {"dgops_profile": name, "python_env__venvs": [_RUNTIME, venv]}


def _require_lock(lock: str, profile: str) -> None:
    path = tables.folder("locks") / f"{lock}.txt"
    hint = f"where its index can be reached: dgops env lock {ENVIRONMENT} --profile {profile}"
    if not path.is_file():
        raise DgopsError(f"an image of {profile} needs the lock {path.name}, which was never made", hint)
    lacking = locks.missing(path.read_text())
    if lacking:
        raise DgopsError(f"an image of {profile} needs the lock {path.name}, which lacks {', '.join(lacking)}", hint)


def _require_index(index: str) -> None:
    why = locking.unreachable(index)
    if why:
        raise DgopsError(
            f"the image's torch has no source: {why}",
            "leave --profile out for an image without torch, or try again where it answers",
        )
