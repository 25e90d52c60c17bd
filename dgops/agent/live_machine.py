"""What a machine has left: disk, memory, shared memory, room for wheels, and the right time."""

from __future__ import annotations

import os
import time
from typing import Any, Dict

from dgops.agent import mounts

Observation = Dict[str, Any]
SHM = "/dev/shm"


def disk_seen(path: str) -> Observation:
    """Observe the file system that holds path: its type, bytes in all and bytes free to users."""
    status = os.statvfs(path)
    return {
        "path": path,
        "type": mounts.filesystem(path),
        "total": status.f_frsize * status.f_blocks,
        "free": status.f_frsize * status.f_bavail,
    }


def disk(check: Dict[str, Any]) -> Observation:
    """Observe free space."""
    return disk_seen(check["path"])


def shm(check: Dict[str, Any]) -> Observation:
    """Observe the memory that processes can share, where workers of a data loader hand their batches over."""
    del check
    return disk_seen(SHM)


def wheel_cache(check: Dict[str, Any]) -> Observation:
    """Observe the folder of wheels: whether its user may write there, its file system, and how many it holds."""
    path = check["path"]
    if not os.path.isdir(path):
        return {"exists": False}
    with os.scandir(path) as entries:
        count = sum(entry.name.endswith(".whl") for entry in entries)
    return dict(disk_seen(path), exists=True, writable=os.access(path, os.W_OK | os.X_OK), count=count)


def memory(check: Dict[str, Any]) -> Observation:
    """Observe memory that programs can still get, in bytes."""
    del check
    try:
        import psutil
    except ImportError:
        return {"free": _meminfo()["MemAvailable"], "total": _meminfo()["MemTotal"]}
    virtual = psutil.virtual_memory()
    return {"free": virtual.available, "total": virtual.total}


def clock(check: Dict[str, Any]) -> Observation:
    """Observe the time in seconds since 1970; only who asked can say whether it is right."""
    del check
    return {"time": time.time()}


def _meminfo() -> Dict[str, int]:
    with open("/proc/meminfo") as stream:
        return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in stream}
