"""A pod that the double rents: what was asked for, how it stands, what it costs, and how the API shows it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

# What may be asked of a pod in each status; anything else is a 409.
ACTIONS = {
    "PROVISIONING": ("stop", "terminate"),
    "STARTING": ("stop", "terminate"),
    "RUNNING": ("stop", "restart", "terminate"),
    "EXITED": ("start", "terminate"),
    "ERROR": ("start", "terminate"),
}
# Dollars per GB and month: a stopped pod's own volume costs twice.
DISK_RUNNING, DISK_STOPPED, MONTH = 0.10, 0.20, 30 * 86400


@dataclass(frozen=True)
class RentedPod:
    """One pod; `turn` counts its starts and stops, so that a late start knows that it is no longer wanted.

    `meter` holds when its GPU was billed: (began, ended), the last one open while it is. `key` is the one that its
    first process is given, for actions on this very pod. `bid` is what a spot pod was rented at, `disk` names the
    pod whose own volume it took along when it was moved, `ip` is where it is reached.
    """

    id: str
    body: dict[str, Any]
    data_center: str
    price: float
    created: float
    status: str = "PROVISIONING"
    started: float | None = None
    port: int = 0
    stale_port: int = 0
    stale_reads: int = 0
    turn: int = 0
    gpus: int = 1
    meter: tuple[tuple[float, float | None], ...] = field(default=())
    key: str = field(default="", repr=False)
    bid: float = 0.0
    disk: str = ""
    ip: str = "127.0.0.1"

    @property
    def volume_id(self) -> str:
        """The network volume that it is tied to, else nothing."""
        network = self.body.get("mounts", {}).get("network") or [{}]
        return str(network[0].get("volumeId", ""))

    @property
    def disk_gb(self) -> int:
        """The size of its own volume, which goes with it."""
        return int(self.body.get("mounts", {}).get("persistent", {}).get("size", 0))

    @property
    def is_billed(self) -> bool:
        """Whether its GPU costs money now."""
        return bool(self.meter) and self.meter[-1][1] is None

    def billed(self, now: float) -> RentedPod:
        """Return it with the meter running."""
        return self if self.is_billed else replace(self, meter=(*self.meter, (now, None)))

    def unbilled(self, now: float) -> RentedPod:
        """Return it with the meter stopped."""
        return replace(self, meter=(*self.meter[:-1], (self.meter[-1][0], now))) if self.is_billed else self

    def seconds(self, now: float, since: float = 0.0) -> float:
        """Return how long its GPU was billed."""
        return sum(max(0.0, (now if ended is None else ended) - max(began, since)) for began, ended in self.meter)

    def amounts(self, now: float, since: float = 0.0) -> dict[str, float]:
        """Return what it has cost."""
        billed = self.seconds(now, since)
        idle = max(0.0, now - max(self.created, since) - billed) if self.status != "TERMINATED" else 0.0
        gpu = billed * self.price / 3600
        disk = self.disk_gb * (billed * DISK_RUNNING + idle * DISK_STOPPED) / MONTH
        return {"totalAmount": gpu + disk, "gpuAmount": gpu, "cpuAmount": 0.0, "diskAmount": disk}


def view(pod: RentedPod) -> dict[str, Any]:
    """Return a pod as the API shows it."""
    body, running = pod.body, pod.status == "RUNNING"
    port = pod.stale_port if pod.stale_reads and pod.stale_port else pod.port
    shown: dict[str, Any] = {
        "id": pod.id,
        "name": body["name"],
        "status": pod.status,
        "actions": list(ACTIONS.get(pod.status, ())),
        "image": body.get("image", ""),
        "args": body.get("args", ""),
        "disk": body.get("disk", 20),
        "mounts": body.get("mounts", {}),
        "ports": body.get("ports", []),
        "env": body.get("env", {}),
        "registry": body.get("registry"),
        "cloud": body.get("cloud", "SECURE"),
        "dataCenterId": pod.data_center,
        "cudaVersion": "12.8" if running else None,
        "ssh": _ssh(pod, port if running else 0),
        "template": None,
        "cost": pod.price if pod.is_billed else 0.0,
        "locked": False,
        "globalNetworking": {"enabled": False},
        "runtime": _runtime(pod, port) if running else None,
        "createdAt": moment(pod.created),
        "startedAt": moment(pod.started) if pod.started else None,
    }
    if pod.gpus:
        shown["gpu"] = {"id": body["gpu"]["id"], "count": pod.gpus}
    return shown


def moment(seconds: float) -> str:
    """Return a time as the API writes it."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ssh(pod: RentedPod, port: int) -> dict[str, Any]:
    user = f"{pod.id}-64411eb2"
    proxy = {"host": "ssh.runpod.io", "port": 22, "username": user, "command": f"ssh {user}@ssh.runpod.io"}
    direct = None
    if port and "22/tcp" in pod.body.get("ports", []):
        command = f"ssh root@{pod.ip} -p {port}"
        direct = {"host": pod.ip, "port": port, "username": "root", "command": command}
    return {"proxy": None if pod.status == "PROVISIONING" else proxy, "direct": direct}


def _runtime(pod: RentedPod, port: int) -> dict[str, Any]:
    uptime = int(time.time() - (pod.started or pod.created))
    return {"uptime": uptime, "ports": [{"private": 22, "public": port, "type": "tcp", "ip": pod.ip}]}
