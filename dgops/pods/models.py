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
    `limits` is what of its environment says what it may cost.
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
    limits: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def gpu_name(self) -> str:
        """The GPU without its maker's words."""
        return self.gpu.removeprefix("NVIDIA ").removeprefix("GeForce ")


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
class SpotPrice:
    """The least bid for a GPU in each cloud, dollars an hour; 0 where it is not for rent that way."""

    secure: float = 0.0
    community: float = 0.0

    def within(self, cloud: str) -> float:
        """Return the one of a cloud."""
        return self.community if cloud == "community" else self.secure


@dataclass(frozen=True)
class Balance:
    """What is left on the account, and what goes away from it: dollars, and dollars an hour."""

    left: float
    per_hour: float


@dataclass(frozen=True)
class Bill:
    """What one pod has cost: dollars in all, and for its GPU and its disks."""

    pod_id: str
    total: float
    gpu: float
    disk: float


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
    """One pod as it is asked for: one kind of GPU; whoever wants alternatives asks again.

    `cloud` is secure or community; with a `bid`, dollars an hour and GPU, it goes to whoever bids more.
    """

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
    cloud: str = "secure"
    bid: float = 0.0
