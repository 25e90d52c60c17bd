"""What a pod has used up: seconds by a clock that nobody sets, those of earlier runs, and those without work."""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any, Dict, Optional

from dgops.agent import beneath, live_gpu, process

# Below the persistent root, one record for each pod: several may use a network volume one after the other.
FOLDER = "dgops-spend"
LARGEST = 4096
# Somebody who came in; the listener and those who only knock have no name with an @.
SESSION = re.compile(rb"sshd(-session)?: [^@\0]+@")
# How a supervisor of a job was started, and every other process that answered a request about one.
JOB = re.compile(rb"[^\0]*\0[^\0]+\.pyz\0job\0")
GPU_SECONDS = 20.0

Record = Dict[str, Any]


def environment() -> Dict[str, str]:
    """Return the environment of the first process, which alone has what a pod was rented with."""
    try:
        with open("/proc/1/environ", "rb") as stream:
            pairs = (one.partition(b"=") for one in stream.read(1 << 20).split(b"\0"))
            return {name.decode(errors="replace"): value.decode(errors="replace") for name, _, value in pairs}
    except OSError:
        return {}


def running() -> float:
    """Return for how many seconds this container has run; setting the date changes nothing."""
    first = process.look(1)
    ticks = first.start if first else 0
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))


def run() -> str:
    """Return what tells this run of the pod from every other one."""
    return ":".join(process.boot().values())


def earlier(record: Optional[Record], this: str) -> float:
    """Return the seconds of the runs before this one."""
    if not record:
        return 0.0
    before = _seconds(record.get("earlier"))
    return before if record.get("run") == this else before + _seconds(record.get("seconds"))


def load(root: str, pod: str) -> Optional[Record]:
    """Return what is written of a pod on its volume."""
    return beneath.read_record(os.path.join(root, FOLDER), pod + ".json", LARGEST)


def save(root: str, pod: str, record: Record) -> None:
    """Write down how far a pod is; raises OSError where the volume takes nothing."""
    folder = beneath.open_folder(os.path.join(root, FOLDER), make=True)
    try:
        beneath.replace_file(folder, pod + ".json", json.dumps(record).encode())
    finally:
        os.close(folder)


def at_work(quiet: float) -> Optional[str]:
    """Return what keeps this pod from being idle, None where nothing does; `quiet` is the GPU's percentage."""
    mine = os.getpid()
    for one in process.table():
        command = _command(one.pid)
        if mine not in (one.pid, one.parent) and JOB.match(command):
            return "a job runs or waits"
        if SESSION.match(command):
            return "somebody is logged in"
    used = live_gpu.used(GPU_SECONDS)
    if used is None:
        return "nobody can tell what the GPU does"
    return "the GPU is at {:.0f} %".format(used) if used >= quiet and used > 0 else None


def _command(pid: int) -> bytes:
    try:
        with open("/proc/{}/cmdline".format(pid), "rb") as stream:
            return stream.read(LARGEST)
    except OSError:
        return b""


def _seconds(value: Any) -> float:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e10
    return float(value) if good else 0.0
