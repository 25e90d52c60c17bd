"""The double's GraphQL: pods at a bid, their prices, and the balance; any failure is an HTTP 200 with errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.sandbox.runpod import bodies, catalog, selection
from dgops.sandbox.runpod.refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dgops.sandbox.runpod.cloud import Cloud
    from dgops.sandbox.runpod.selection import Field

_RENTAL = bodies.closed(
    {
        "name": bodies.text(1),
        "imageName": bodies.text(1),
        "gpuTypeId": bodies.text(1),
        "gpuCount": bodies.number(1),
        "bidPerGpu": bodies.amount,
        "cloudType": bodies.one_of("ALL", "SECURE", "COMMUNITY"),
        "containerDiskInGb": bodies.number(1),
        "volumeInGb": bodies.number(0),
        "volumeMountPath": bodies.text(),
        "networkVolumeId": bodies.text(1),
        "dataCenterId": bodies.text(1),
        "ports": bodies.text(),
        "env": bodies.listed(bodies.closed({"key": bodies.text(1), "value": bodies.text()}, ("key", "value"))),
        "allowedCudaVersions": bodies.listed(bodies.version),
    },
    ("gpuTypeId", "bidPerGpu", "imageName"),
)


def answer(cloud: Cloud, body: Any) -> dict[str, Any]:
    """Answer one request."""
    try:
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            raise selection.DocumentError("Must provide query string.")
        kind, fields = selection.read(body["query"], body.get("variables") or {})
        roots = _MUTATIONS if kind == "mutation" else _QUERIES
        data = {}
        for one in fields:
            if one.name not in roots:
                raise selection.DocumentError(f'Cannot query field "{one.name}" on type "{kind.title()}".')
            data[one.key] = _shaped(one, roots[one.name](cloud, one.arguments))
    except selection.DocumentError as fault:
        return {"errors": [{"message": str(fault), "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]}
    except RefusalError as refusal:
        words = "; ".join([refusal.detail, *refusal.errors])
        return {"errors": [{"message": words, "extensions": {"code": "RUNPOD"}}], "data": None}
    return {"data": data}


def _shaped(asked: Field, value: Any) -> Any:
    """Return of a value what was asked for, and refuse what it does not have."""
    if isinstance(value, list):
        return [_shaped(asked, one) for one in value]
    if not isinstance(value, dict):
        if asked.fields:
            raise selection.DocumentError(f'Field "{asked.name}" must not have a selection.')
        return value
    if not asked.fields:
        raise selection.DocumentError(f'Field "{asked.name}" must have a selection of subfields.')
    found = {}
    for one in asked.fields:
        if one.name not in value:
            raise selection.DocumentError(f'Cannot query field "{one.name}".')
        inner = value[one.name]
        found[one.key] = _shaped(one, inner(one.arguments) if callable(inner) else inner)
    return found


def _rent(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    wanted = arguments.get("input")
    faults = _RENTAL("input", wanted)
    if faults or not isinstance(wanted, dict):
        raise selection.DocumentError(f'Variable "$input" got invalid value: {"; ".join(faults)}')
    pod = cloud.create(_as_rest(wanted), bid=float(wanted["bidPerGpu"]))
    shown = {"desiredStatus": "RUNNING", "costPerHr": pod.price, "machineId": f"m{pod.id}"}
    return {"id": pod.id, "name": pod.body["name"], "imageName": pod.body["image"], **shown}


def _as_rest(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what REST would have been asked for."""
    cloud = wanted.get("cloudType", "ALL")
    body: dict[str, Any] = {
        "name": wanted.get("name", "my pod"),
        "image": wanted["imageName"],
        "gpu": {"id": wanted["gpuTypeId"], "count": wanted.get("gpuCount", 1)},
        "cloud": "SECURE" if cloud == "ALL" else cloud,
        "disk": wanted.get("containerDiskInGb", 20),
        "ports": [one for one in wanted.get("ports", "").split(",") if one],
        "env": {one["key"]: one["value"] for one in wanted.get("env", [])},
    }
    if "dataCenterId" in wanted:
        body["dataCenterIds"] = [wanted["dataCenterId"]]
    path = wanted.get("volumeMountPath", "/workspace")
    if "networkVolumeId" in wanted:
        body["mounts"] = {"network": [{"volumeId": wanted["networkVolumeId"], "path": path}]}
    elif wanted.get("volumeInGb"):
        body["mounts"] = {"persistent": {"size": wanted["volumeInGb"], "path": path}}
    return body


def _gpu_types(_cloud: Cloud, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    wanted = (arguments.get("input") or {}).get("id")
    return [_gpu_type(one) for one in catalog.GPUS if wanted in (None, one.id)]


def _gpu_type(one: catalog.GpuType) -> dict[str, Any]:
    def lowest(arguments: Mapping[str, Any]) -> dict[str, Any]:
        secure = bool((arguments.get("input") or {}).get("secureCloud", True))
        dollars = one.secure if secure else one.community
        return {
            "minimumBidPrice": one.least_bid("SECURE" if secure else "COMMUNITY") or None,
            "uninterruptablePrice": dollars or None,
        }

    return {
        "id": one.id,
        "displayName": one.name,
        "memoryInGb": one.memory,
        "secureSpotPrice": one.least_bid("SECURE") or None,
        "communitySpotPrice": one.least_bid("COMMUNITY") or None,
        "lowestPrice": lowest,
    }


def _myself(cloud: Cloud, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    ledger = cloud.ledger()
    return {"id": "user_double", "clientBalance": ledger["balance"], "currentSpendPerHr": ledger["perHour"]}


_QUERIES: dict[str, Callable[[Cloud, Mapping[str, Any]], Any]] = {"gpuTypes": _gpu_types, "myself": _myself}
_MUTATIONS: dict[str, Callable[[Cloud, Mapping[str, Any]], Any]] = {"podRentInterruptable": _rent}
