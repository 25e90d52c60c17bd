"""What is unusual about this machine, read from the kernel's own tables."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

_CAP_SYS_RESOURCE = 24
_MODEST = (("nofile", resource.RLIMIT_NOFILE, 1024, 4096), ("nproc", resource.RLIMIT_NPROC, 4096, 8192))


@dataclass(frozen=True)
class Quirks:
    """`unified` is where a second cgroup hierarchy hangs beside the v1 controllers, else empty."""

    unified: str = ""
    ulimits: tuple[str, ...] = ()


def detect() -> Quirks:
    """Look at this machine."""
    mounts = Path("/proc/self/mounts").read_text()
    status = Path("/proc/self/status").read_text()
    return Quirks(find_unified(mounts), () if may_raise_limits(status) else own_limits())


def find_unified(mounts: str) -> str:
    """Return where cgroup2 is mounted beside v1 controllers (crun refuses that), else an empty string."""
    rows = [line.split() for line in mounts.splitlines() if len(line.split()) >= 3]
    has_controllers = any(row[2] == "cgroup" and "name=" not in row[3] for row in rows if len(row) > 3)
    unified = [row[1] for row in rows if row[2] == "cgroup2"]
    return unified[-1] if has_controllers and unified else ""


def may_raise_limits(status: str) -> bool:
    """Tell from /proc/self/status whether limits may be set above the ones in force."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_RESOURCE & 1)
    return True


def own_limits() -> tuple[str, ...]:
    """Return modest limits within the ones in force here as engine options: the engines' defaults lie above.

    Not the ones in force themselves: podman lowers its own before the runtime sets the container's.
    """
    options: list[str] = []
    for name, number, soft, hard in _MODEST:
        ceiling = resource.getrlimit(number)[1]
        within = hard if ceiling == resource.RLIM_INFINITY else min(hard, ceiling)
        options += ["--ulimit", f"{name}={min(soft, within)}:{within}"]
    return tuple(options)
