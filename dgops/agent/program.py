"""The program uv: whether it is the one in the wheel that its lock names, and taking it out of that wheel."""

from __future__ import annotations

import json
import os
import time
import zipfile
from typing import Any, Dict, List, Optional, Tuple

from dgops.agent import jobdir, wheel_fetch, wheels
from dgops.agent.attest import digest_of
from dgops.agent.manifest import TICK, stamp_of
from dgops.agent.pins import Pin, locked

NOTE = ".origin"


def differs(path: str, pin: Pin, deep: bool = False) -> str:
    """Say how a program differs from what came out of its wheel, nothing where it does not."""
    name = os.path.basename(path)
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "{} is gone".format(name)
    if status.st_uid != os.stat(os.path.dirname(path)).st_uid:
        return "{} is not the owner's of its folder".format(name)
    note = _note(path)
    if note is None:
        return "nothing says where {} came from".format(name)
    if note["wheel"] not in pin.hashes:
        return "{} is not from a wheel of {} {}".format(name, pin.name, pin.version)
    stamp = list(stamp_of(status))
    if not deep and note["stamp"] == stamp and stamp[3] < note["taken"] - TICK:
        return ""
    try:
        same = stamp[0] == note["stamp"][0] and digest_of(path, status) == note["digest"]
    except OSError:
        same = False
    return "" if same else "{} changed by hand".format(name)


def ensure_uv(path: str, lock: str, cache: str, check: bool = False) -> Tuple[bool, List[str]]:
    """Take uv out of its wheel unless it is what came out of it; returns whether, and what was downloaded for it.

    `lock` is the text of uv's lock; with `check` nothing is done.
    """
    pin = locked(lock)["uv"]
    wrong = differs(path, pin)
    if check or not wrong:
        return bool(wrong), []
    # The wheel first: without it the program that is there stays.
    found, downloaded = wheel_fetch.fetch([pin], cache)
    _take_out(found[pin], path)
    _keep(path, "sha256:" + wheels.sha256(found[pin]).hexdigest())
    return True, downloaded


def _take_out(wheel: str, path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    wheels.require_space(path, [wheel], 1)
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        wheels.write(path + ".new", archive.read(member), 0o755)
    os.replace(path + ".new", path)


def _keep(path: str, wheel: str) -> None:
    # What was written in the very step of the clock in which it is looked at would be doubted, and hashed each time.
    time.sleep(2 * TICK / 1e9)
    status, taken = os.lstat(path), time.time_ns()
    note = {"wheel": wheel, "digest": digest_of(path, status), "stamp": stamp_of(status), "taken": taken}
    wheels.write(path + NOTE + ".new", json.dumps(note) + "\n")
    os.replace(path + NOTE + ".new", path + NOTE)


def _note(path: str) -> Optional[Dict[str, Any]]:
    note = jobdir.read_json(path + NOTE)
    good = note is not None and isinstance(note.get("stamp"), list) and len(note["stamp"]) == 5
    if note is None or not good or not isinstance(note.get("taken"), int):
        return None
    return note if all(isinstance(note.get(key), str) for key in ("wheel", "digest")) else None
