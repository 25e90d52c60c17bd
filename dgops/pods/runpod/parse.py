"""RunPod's answers as our values; what we do not know of is passed over, what we need and miss is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.errors import UnreachableError
from dgops.pods import limits
from dgops.pods.models import PROFILE, Bill, Endpoint, GpuType, Pod, PodRequest, Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def listed(answer: Any, name: str, one: Callable[[Mapping[str, Any]], Any]) -> tuple[Any, ...]:
    """Return the items of an envelope such as {"pods": […]}."""
    try:
        return tuple(one(raw) for raw in answer[name])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _strange(name, error) from None


def single(answer: Any, name: str, one: Callable[[Mapping[str, Any]], Any]) -> Any:
    """Return one item."""
    return listed({name: [answer]}, name, one)[0]


def pod(raw: Mapping[str, Any]) -> Pod:
    """Return a pod."""
    gpu, mounts = raw.get("gpu") or {}, raw.get("mounts") or {}
    network = (mounts.get("network") or [{}])[0]
    mount = network or mounts.get("persistent") or {}
    return Pod(
        id=str(raw["id"]),
        name=str(raw["name"]),
        status=str(raw["status"]),
        actions=tuple(str(one) for one in raw.get("actions") or ()),
        image=str(raw.get("image") or ""),
        gpu=str(gpu.get("id") or ""),
        gpu_count=int(gpu.get("count") or 0),
        cloud=str(raw.get("cloud") or "").lower(),
        data_center=str(raw.get("dataCenterId") or ""),
        cost=float(raw.get("cost") or 0),
        ssh=_endpoint((raw.get("ssh") or {}).get("direct")),
        volume_id=str(network.get("volumeId") or ""),
        root=str(mount.get("path") or ""),
        created=str(raw.get("createdAt") or ""),
        started=str(raw.get("startedAt") or ""),
        cuda=str(raw.get("cudaVersion") or ""),
        profile=str((raw.get("env") or {}).get(PROFILE) or ""),
        limits=limits.carried(raw.get("env") or {}),
    )


def gpu(raw: Mapping[str, Any]) -> GpuType:
    """Return a GPU type; without stock where the answer holds none."""
    price = raw.get("price") or {}
    return GpuType(
        id=str(raw["id"]),
        name=str(raw.get("name") or raw["id"]),
        memory_gb=int(raw.get("memory") or 0),
        secure=float(price.get("secure") or 0) if raw.get("secure") else 0.0,
        community=float(price.get("community") or 0) if raw.get("community") else 0.0,
        stock={str(one["id"]): str(one.get("availability") or "").lower() for one in raw.get("dataCenters") or ()},
    )


def volume(raw: Mapping[str, Any]) -> Volume:
    """Return a network volume."""
    size = int(raw["size"])
    return Volume(str(raw["id"]), str(raw["name"]), size, str(raw["dataCenter"]), str(raw.get("type") or "").lower())


def bill(raw: Mapping[str, Any]) -> Bill:
    """Return one record of the bill."""
    amounts = (float(raw.get(f"{kind}Amount") or 0) for kind in ("total", "gpu", "disk"))
    return Bill(str(raw["podId"]), *amounts)


def bills(records: Iterable[Bill]) -> list[Bill]:
    """Return one bill for each pod, dearest first: RunPod tells them by stretches of time."""
    found: dict[str, Bill] = {}
    for one in records:
        sofar = found.get(one.pod_id, Bill(one.pod_id, 0.0, 0.0, 0.0))
        found[one.pod_id] = Bill(one.pod_id, sofar.total + one.total, sofar.gpu + one.gpu, sofar.disk + one.disk)
    return sorted(found.values(), key=lambda one: (-one.total, one.pod_id))


def creation(request: PodRequest) -> dict[str, Any]:
    """Return the body that asks for a pod; no field that RunPod does not know, and never an empty `args`."""
    wanted: dict[str, Any] = {"id": request.gpu, "count": request.gpu_count}
    if request.min_cuda:
        wanted["minCudaVersion"] = request.min_cuda
    body: dict[str, Any] = {
        "name": request.name,
        "image": request.image,
        "gpu": wanted,
        "disk": request.disk_gb,
        "ports": list(request.ports),
        "env": dict(request.env),
        "cloud": request.cloud.upper(),
    }
    if request.data_centers:
        # Lower-case ids are taken and break later.
        body["dataCenterIds"] = [one.upper() for one in request.data_centers]
    if request.volume_id:
        body["mounts"] = {"network": [{"volumeId": request.volume_id, "path": request.root}]}
    elif request.volume_gb:
        body["mounts"] = {"persistent": {"size": request.volume_gb, "path": request.root}}
    return body


def _endpoint(raw: Any) -> Endpoint | None:
    if not raw:
        return None
    return Endpoint(str(raw["host"]), int(raw["port"]), str(raw.get("username") or "root"))


def _strange(name: str, error: Exception) -> UnreachableError:
    words = f"RunPod's answer is not what it should be: {name}: {type(error).__name__}: {error}"
    return UnreachableError(words, "is runpod_url RunPod's API?  dgops settings")
