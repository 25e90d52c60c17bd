"""Where a pod may go: the rules that a create breaks with 400, and the data centre that it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.sandbox.runpod import catalog
from dgops.sandbox.runpod.refusal import NO_CAPACITY, RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.sandbox.runpod.catalog import GpuType


def choose(body: Mapping[str, Any], volumes: Mapping[str, Mapping[str, Any]]) -> tuple[GpuType, str]:
    """Return the GPU type and the data centre for a pod; raises RefusalError 400 where it cannot be placed."""
    kind = _kind(body)
    asked = body.get("dataCenterIds") or [place.id for place in catalog.DATA_CENTERS]
    mounts = body.get("mounts", {})
    if "network" in mounts and "persistent" in mounts:
        raise RefusalError(400, "mounts: supply either persistent or network")
    for mount in mounts.get("network", []):
        volume = volumes.get(mount["volumeId"])
        if volume is None:
            raise RefusalError(400, f"network volume {mount['volumeId']} not found")
        if body.get("cloud", "SECURE") != "SECURE":
            raise RefusalError(400, "network volumes are only available in SECURE cloud")
        # A volume's data centre wins over any other; a list that leaves it out leaves nothing.
        asked = [place for place in asked if place == volume["dataCenter"]]
    offered = [place for place in asked if kind.stock.get(place, "NONE") != "NONE"]
    if not offered or (body.get("cloud") == "COMMUNITY" and not kind.community):
        raise no_capacity()
    return kind, max(offered, key=lambda place: catalog.LEVELS.index(kind.stock[place]))


def count(body: Mapping[str, Any]) -> int:
    """Return how many GPUs a pod asks for."""
    return int(body["gpu"].get("count", 1))


def no_capacity() -> RefusalError:
    """Return RunPod's answer where nothing is left: a 400 like any broken rule, told apart by its words only."""
    return RefusalError(400, NO_CAPACITY)


def _kind(body: Mapping[str, Any]) -> GpuType:
    if "cpu" in body and "gpu" not in body:
        raise RefusalError(400, "the double rents no CPU pods")
    if ("gpu" in body) == ("cpu" in body):
        raise RefusalError(400, "supply exactly one of gpu or cpu")
    kind = catalog.gpu(body["gpu"]["id"])
    if kind is None:
        raise RefusalError(400, f"gpu {body['gpu']['id']} not found")
    if count(body) > 8:
        raise RefusalError(400, "gpu.count is over the type's maximum of 8")
    return kind
