"""What a provider of pods tells and is asked, whoever it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Levels of stock, worst first; "" where the provider does not say.
STOCK = ("", "none", "low", "medium", "high")
RUNNING, STOPPED = "RUNNING", "EXITED"
# The variable of a pod that says which build of torch it was rented for.
PROFILE = "DGOPS_PROFILE"


@dataclass(frozen=True)
class Endpoint:
    """Where a pod's own sshd answers."""

    host: str
    port: int
    user: str


@dataclass(frozen=True)
class Pod:
    """One pod as the provider sees it; `cost` is dollars an hour now, `root` where its volume is mounted.

    `cuda` is the version that its machine's driver knows, `profile` what it was rented for from here.
    """

    id: str
    name: str
    status: str
    actions: tuple[str, ...] = ()
    image: str = ""
    gpu: str = ""
    gpu_count: int = 0
    cloud: str = ""
    data_center: str = ""
    cost: float = 0.0
    ssh: Endpoint | None = None
    volume_id: str = ""
    root: str = ""
    created: str = ""
    started: str = ""
    cuda: str = ""
    profile: str = ""


@dataclass(frozen=True)
class GpuType:
    """A kind of GPU for rent; prices are dollars an hour, 0 where a cloud has none; `stock` is by data centre."""

    id: str
    name: str
    memory_gb: int
    secure: float
    community: float
    stock: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Volume:
    """A network volume: it outlives pods, and ties them to its data centre."""

    id: str
    name: str
    size_gb: int
    data_center: str
    kind: str


@dataclass(frozen=True)
class PodRequest:
    """One pod as it is asked for: one kind of GPU; whoever wants alternatives asks again."""

    name: str
    image: str
    gpu: str
    gpu_count: int = 1
    disk_gb: int = 50
    ports: tuple[str, ...] = ("22/tcp",)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    data_centers: tuple[str, ...] = ()
    volume_id: str = ""
    volume_gb: int = 0
    root: str = "/workspace"
    min_cuda: str = ""
