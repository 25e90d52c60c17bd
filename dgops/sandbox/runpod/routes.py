"""Which request does what: RunPod's paths, and our own control below /control."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.sandbox.runpod import billing, bodies, catalog, graphql, pods
from dgops.sandbox.runpod.cloud import EVICT_SECONDS
from dgops.sandbox.runpod.refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dgops.sandbox.runpod.cloud import Cloud

    Handler = Callable[["Cloud", "Request"], tuple[int, Any]]


@dataclass(frozen=True)
class Request:
    """One request: the ids in its path, its query and its JSON body."""

    ids: tuple[str, ...]
    query: Mapping[str, list[str]]
    body: Any = None

    def has(self, name: str, value: str) -> bool:
        """Tell whether a query parameter holds a value, alone or in a list with commas."""
        return any(value in one.split(",") for one in self.query.get(name, []))


def find(method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
    """Return what answers a request and the ids in its path; raises RefusalError 404 or 405."""
    others = []
    for (verb, pattern), handler in _ROUTES.items():
        match = re.fullmatch(pattern.replace("{}", "([^/]+)"), path)
        if match and verb == method:
            return handler, match.groups()
        if match:
            others.append(verb)
    if others:
        raise RefusalError(405, "The requested method is not allowed for this path.")
    raise RefusalError(404, "resource not found")


def _list_pods(cloud: Cloud, _request: Request) -> tuple[int, Any]:
    return 200, {"pods": [pods.view(pod) for pod in cloud.all_pods()]}


def _create_pod(cloud: Cloud, request: Request) -> tuple[int, Any]:
    return 201, pods.view(cloud.create(bodies.require(bodies.CREATE_POD, request.body)))


def _get_pod(cloud: Cloud, request: Request) -> tuple[int, Any]:
    return 200, pods.view(cloud.pod(request.ids[0]))


def _delete_pod(cloud: Cloud, request: Request) -> tuple[int, Any]:
    cloud.terminate(request.ids[0])
    return 204, None


def _act(cloud: Cloud, request: Request) -> tuple[int, Any]:
    pod = cloud.act(request.ids[0], bodies.require(bodies.ACTION, request.body)["action"])
    return (200, pods.view(pod)) if pod else (204, None)


def _gpus(_cloud: Cloud, request: Request) -> tuple[int, Any]:
    return 200, {"gpus": [catalog.gpu_view(one, _with_stock(request)) for one in catalog.GPUS]}


def _gpu(_cloud: Cloud, request: Request) -> tuple[int, Any]:
    found = catalog.gpu(request.ids[0])
    if found is None:
        raise RefusalError(404, "gpu type not found")
    return 200, catalog.gpu_view(found, _with_stock(request))


def _with_stock(request: Request) -> bool:
    wanted = request.has("include", "AVAILABILITY")
    if wanted and not request.has("product", "POD"):
        raise RefusalError(400, "include=AVAILABILITY requires product=POD")
    return wanted


def _data_centers(_cloud: Cloud, request: Request) -> tuple[int, Any]:
    stock = request.has("include", "GPU_AVAILABILITY")
    return 200, {"dataCenters": [catalog.data_center_view(one, stock) for one in catalog.DATA_CENTERS]}


def _list_volumes(cloud: Cloud, _request: Request) -> tuple[int, Any]:
    return 200, {"networkVolumes": list(cloud.volumes.values())}


def _create_volume(cloud: Cloud, request: Request) -> tuple[int, Any]:
    return 201, cloud.create_volume(bodies.require(bodies.CREATE_VOLUME, request.body))


def _get_volume(cloud: Cloud, request: Request) -> tuple[int, Any]:
    if request.ids[0] not in cloud.volumes:
        raise RefusalError(404, "network volume not found")
    return 200, cloud.volumes[request.ids[0]]


def _drop_volume(cloud: Cloud, request: Request) -> tuple[int, Any]:
    cloud.drop_volume(request.ids[0])
    return 204, None


def _billing(cloud: Cloud, request: Request) -> tuple[int, Any]:
    pod_id, since = (next(iter(request.query.get(name, [])), None) for name in ("podId", "startTime"))
    return 200, billing.report(cloud, pod_id, since)


def _ledger(cloud: Cloud, _request: Request) -> tuple[int, Any]:
    return 200, {**cloud.ledger(), "faults": cloud.faults.view()}


def _set_faults(cloud: Cloud, request: Request) -> tuple[int, Any]:
    cloud.faults.set(request.body)
    return 200, cloud.faults.view()


def _set_balance(cloud: Cloud, request: Request) -> tuple[int, Any]:
    if not isinstance(request.body, dict) or not isinstance(request.body.get("balance"), (int, float)):
        raise RefusalError(422, "balance: is no number")
    cloud.set_balance(float(request.body["balance"]))
    return 204, None


def _migrate(cloud: Cloud, request: Request) -> tuple[int, Any]:
    return 200, pods.view(cloud.migrate(request.ids[0]))


def _graphql(cloud: Cloud, request: Request) -> tuple[int, Any]:
    return 200, graphql.answer(cloud, request.body)


def _evict(cloud: Cloud, request: Request) -> tuple[int, Any]:
    return 200, pods.view(cloud.stop(request.ids[0], EVICT_SECONDS))


_ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "/v2/pods"): _list_pods,
    ("POST", "/v2/pods"): _create_pod,
    ("GET", "/v2/pods/{}"): _get_pod,
    ("DELETE", "/v2/pods/{}"): _delete_pod,
    ("POST", "/v2/pods/{}/action"): _act,
    ("GET", "/v2/catalog/gpus"): _gpus,
    ("GET", "/v2/catalog/gpus/{}"): _gpu,
    ("GET", "/v2/catalog/datacenters"): _data_centers,
    ("GET", "/v2/network-volumes"): _list_volumes,
    ("POST", "/v2/network-volumes"): _create_volume,
    ("GET", "/v2/network-volumes/{}"): _get_volume,
    ("DELETE", "/v2/network-volumes/{}"): _drop_volume,
    ("GET", "/v2/billing/pods"): _billing,
    ("GET", "/control"): _ledger,
    ("POST", "/control/faults"): _set_faults,
    ("POST", "/control/balance"): _set_balance,
    ("POST", "/control/pods/{}/evict"): _evict,
    ("POST", "/control/pods/{}/migrate"): _migrate,
    ("POST", "/graphql"): _graphql,
}
