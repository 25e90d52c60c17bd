"""What the double rents: GPU types, data centres and their stock, with RunPod's own ids and invented prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LEVELS = ("NONE", "LOW", "MEDIUM", "HIGH")
CUDA = ("12.1", "12.4", "12.8", "13.0")


@dataclass(frozen=True)
class GpuType:
    """A GPU as the catalogue lists it; `stock` maps data centres to a level of availability."""

    id: str
    name: str
    pool: str
    memory: int
    secure: float
    community: float
    stock: dict[str, str]
    manufacturer: str = "NVIDIA"

    def least_bid(self, cloud: str) -> float:
        """Return the least bid that is taken for it, dollars an hour; 0 where a cloud has none."""
        return round((self.secure if cloud == "SECURE" else self.community) / 2, 3)


@dataclass(frozen=True)
class DataCenter:
    """A data centre; only some hold network volumes."""

    id: str
    name: str
    region: str
    volumes: tuple[str, ...] = ("STANDARD",)


DATA_CENTERS = (
    DataCenter("US-KS-2", "US Kansas 2", "NORTH_AMERICA", ("STANDARD", "HIGH_PERFORMANCE")),
    DataCenter("EU-RO-1", "EU Romania 1", "EUROPE"),
    DataCenter("AP-JP-1", "AP Japan 1", "ASIA", ()),
)
GPUS = (
    GpuType("NVIDIA RTX A4000", "RTX A4000", "AMPERE_16", 16, 0.25, 0.17, {"EU-RO-1": "HIGH", "US-KS-2": "LOW"}),
    GpuType("NVIDIA GeForce RTX 4090", "RTX 4090", "ADA_24", 24, 0.69, 0.34, {"US-KS-2": "HIGH", "EU-RO-1": "MEDIUM"}),
    GpuType("NVIDIA GeForce RTX 5090", "RTX 5090", "BLACKWELL_32", 32, 0.94, 0.69, {"EU-RO-1": "HIGH"}),
    GpuType("NVIDIA L40S", "L40S", "ADA_48_PRO", 48, 0.86, 0.79, {"US-KS-2": "LOW", "AP-JP-1": "NONE"}),
    GpuType("NVIDIA A100 80GB PCIe", "A100 PCIe", "AMPERE_80", 80, 1.64, 1.19, {"US-KS-2": "MEDIUM"}),
    GpuType("NVIDIA B200", "B200", "BLACKWELL_180", 180, 5.98, 0.0, {"AP-JP-1": "LOW"}),
    GpuType("AMD Instinct MI300X OAM", "MI300X", "", 192, 2.49, 0.0, {"EU-RO-1": "LOW"}, "AMD"),
)


def gpu(name: str) -> GpuType | None:
    """Return the GPU type of that id."""
    return next((one for one in GPUS if one.id == name), None)


def data_center(name: str) -> DataCenter | None:
    """Return the data centre of that id."""
    return next((one for one in DATA_CENTERS if one.id == name), None)


def gpu_view(one: GpuType, availability: bool) -> dict[str, Any]:
    """Return a GPU type as the API shows it."""
    view: dict[str, Any] = {
        "id": one.id,
        "name": one.name,
        "pool": one.pool or None,
        "manufacturer": one.manufacturer,
        "memory": one.memory,
        "secure": one.secure > 0,
        "community": one.community > 0,
        "price": {"secure": one.secure, "community": one.community},
        "maxCount": {"secure": 8, "community": 4 if one.community else 0},
    }
    if availability:
        view["availability"] = max(one.stock.values(), key=LEVELS.index)
        view["dataCenters"] = [
            {"id": place.id, "name": place.name, "availability": one.stock[place.id]}
            for place in DATA_CENTERS
            if place.id in one.stock
        ]
        view["cudaVersions"] = [{"version": version, "available": True} for version in CUDA]
    return view


def data_center_view(one: DataCenter, availability: bool) -> dict[str, Any]:
    """Return a data centre as the API shows it."""
    view: dict[str, Any] = {
        "id": one.id,
        "name": one.name,
        "region": one.region,
        "globalNetwork": False,
        "networkVolumeTypes": list(one.volumes),
        "compliance": [],
    }
    if availability:
        view["gpuAvailability"] = [
            {"id": kind.id, "name": kind.name, "availability": kind.stock[one.id]}
            for kind in GPUS
            if one.id in kind.stock
        ]
    return view
