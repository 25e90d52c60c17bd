"""The double and the client against RunPod's own description: every path, every answer, every body."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from dgops.pods.models import PodRequest
from dgops.pods.runpod import parse

SPEC = json.loads((Path(__file__).parents[3] / "cases/runpod/openapi.json").read_text())
BODY = {"name": "dgops-pod", "image": "x", "gpu": {"id": "NVIDIA GeForce RTX 4090"}, "ports": ["22/tcp"]}
VOLUME = {"name": "models", "size": 20, "dataCenter": "US-KS-2"}
# What the client never asks for, so that the double does not answer it either.
UNSPOKEN = {("patch", "/v2/pods/{id}"), ("patch", "/v2/network-volumes/{id}")}
# (method, path with {pod} and {volume}, body, expected status); each path of the description stands here.
CALLS = [
    ("get", "/v2/pods", None, 200),
    ("post", "/v2/pods", BODY, 201),
    ("post", "/v2/pods", {**BODY, "cpu": {"id": "cpu3c", "vcpuCount": 2}}, 400),
    ("post", "/v2/pods", {**BODY, "colour": "red"}, 422),
    ("get", "/v2/pods/{pod}", None, 200),
    ("get", "/v2/pods/nothere", None, 404),
    ("post", "/v2/pods/{pod}/action", {"action": "stop"}, 200),
    ("get", "/v2/pods/{pod}", None, 200),
    ("post", "/v2/pods/{pod}/action", {"action": "stop"}, 409),
    ("post", "/v2/pods/{pod}/action", {"action": "dance"}, 422),
    ("post", "/v2/pods/{pod}/action", {"action": "start"}, 200),
    ("post", "/v2/pods/{pod}/action", {"action": "terminate"}, 204),
    ("delete", "/v2/pods/{other}", None, 204),
    ("delete", "/v2/pods/{other}", None, 404),
    ("get", "/v2/catalog/gpus", None, 200),
    ("get", "/v2/catalog/gpus?include=AVAILABILITY&product=POD", None, 200),
    ("get", "/v2/catalog/gpus/NVIDIA%20L40S", None, 200),
    ("get", "/v2/catalog/gpus/NOTHING", None, 404),
    ("get", "/v2/catalog/datacenters", None, 200),
    ("get", "/v2/catalog/datacenters?include=GPU_AVAILABILITY", None, 200),
    ("get", "/v2/network-volumes", None, 200),
    ("post", "/v2/network-volumes", VOLUME, 201),
    ("post", "/v2/network-volumes", {**VOLUME, "size": 1}, 422),
    ("post", "/v2/network-volumes", {**VOLUME, "dataCenter": "AP-JP-1"}, 400),
    ("get", "/v2/network-volumes/{volume}", None, 200),
    ("get", "/v2/network-volumes/nothere", None, 404),
    ("delete", "/v2/network-volumes/{volume}", None, 204),
    ("get", "/v2/billing/pods", None, 200),
    ("get", "/v2/billing/pods?podId={pod}", None, 200),
]
BODIES = [
    {},
    {"name": "a"},
    {"name": "", "image": "x"},
    {"name": "a", "image": "x"},
    {"name": "a", "templateId": "t"},
    {"name": "a", "image": "x", "gpu": {}},
    {"name": "a", "image": "x", "gpu": {"id": "g", "count": 0}},
    {"name": "a", "image": "x", "gpu": {"id": "g", "minCudaVersion": "12"}},
    {"name": "a", "image": "x", "gpu": {"id": "g", "minCudaVersion": "12.1", "allowedCudaVersions": ["12.4"]}},
    {"name": "a", "image": "x", "gpuTypeIds": ["g"]},
    {"name": "a", "image": "x", "disk": 0},
    {"name": "a", "image": "x", "disk": True},
    {"name": "a", "image": "x", "env": {"A": 1}},
    {"name": "a", "image": "x", "env": [{"key": "A", "value": "1"}]},
    {"name": "a", "image": "x", "ports": "22/tcp"},
    {"name": "a", "image": "x", "registry": None, "startSsh": True, "cloud": "COMMUNITY"},
    {"name": "a", "image": "x", "cloud": "ALL"},
    {"name": "a", "image": "x", "mounts": {"persistent": {"size": 9, "path": "/w"}}},
    {"name": "a", "image": "x", "mounts": {"persistent": {"size": 10, "path": "/w"}}},
    {"name": "a", "image": "x", "mounts": {"network": [{"volumeId": "v"}]}},
    {"name": "a", "image": "x", "mounts": {"network": [{"volumeId": "v", "path": "/w"}] * 2}},
    {"name": "a", "image": "x", "cpu": {"id": "c", "vcpuCount": 1}},
    {"name": "a", "image": "x", "dockerArgs": ""},
]
REQUESTS = [
    PodRequest("dgops-a", "x", "NVIDIA L40S"),
    PodRequest(
        "dgops-a", "x", "NVIDIA L40S", env={"A": "1"}, data_centers=("us-ks-2",), volume_id="v", min_cuda="12.1"
    ),
    PodRequest("dgops-a", "x", "NVIDIA L40S", gpu_count=2, volume_gb=10, disk_gb=20),
]


def validator(schema):
    return Draft202012Validator({**schema, "components": SPEC["components"]})


def schema_of(name):
    return {"$ref": f"#/components/schemas/{name}"}


def template(path):
    """Return a path of ours as the description writes it."""
    parts = path.partition("?")[0].split("/")
    plain = [part for part in parts if part]
    return "/" + "/".join(
        "{id}" if at == (3 if plain[1] == "catalog" else 2) else part for at, part in enumerate(plain)
    )


def test_every_path_is_walked():
    spoken = {(method, template(path)) for method, path, _, _ in CALLS} | {("get", "/v2/pods/{id}/logs")}
    described = {(method, path) for path, methods in SPEC["paths"].items() for method in methods}
    assert {(method, path.replace("billing/{id}", "billing/pods")) for method, path in spoken} == described - UNSPOKEN


def test_answers(double):
    ids = {"pod": double.rent(), "other": double.rent(name="dgops-other")}
    ids["volume"] = double.ask("POST", "/v2/network-volumes", VOLUME)[1]["id"]
    for method, path, body, expected in CALLS:
        status, answer, headers = double.ask(method.upper(), path.format(**ids), body)
        assert status == expected, (method, path, answer)
        operation = SPEC["paths"][template(path).replace("billing/{id}", "billing/pods")][method]
        responses = operation["responses"]
        check(responses.get(str(status), responses["default"]), answer)
        assert headers["RateLimit"]
        assert headers["RateLimit-Policy"]
        if expected >= 400:
            assert headers["Content-Type"] == "application/problem+json"


def check(schema, answer):
    if schema is None:
        assert answer is None
        return
    validator(schema).validate(answer)


@pytest.mark.parametrize("method_path", [(method, path) for method, path, _, _ in CALLS], ids=" ".join)
def test_nobody_without_a_key(double, method_path):
    method, path = method_path
    for key in ("", "another"):
        status, answer, _ = double.ask(method.upper(), path, key=key)
        assert status == 401
        validator(schema_of("ErrorResponse")).validate(answer)


@pytest.mark.parametrize("body", BODIES, ids=str)
def test_bodies_are_judged_alike(double, body):
    good = validator(schema_of("CreatePodRequest")).is_valid(body)
    status, answer, _ = double.ask("POST", "/v2/pods", body)
    assert (status != 422) == good, answer


def test_stock_asks_for_a_product(double):
    assert double.ask("GET", "/v2/catalog/gpus?include=AVAILABILITY")[0] == 400


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_what_the_client_sends(request_):
    validator(schema_of("CreatePodRequest")).validate(parse.creation(request_))


def test_what_the_client_sends_is_what_goes_out(double, provider, monkeypatch):
    sent = []
    monkeypatch.setattr(
        type(provider._session),
        "call",
        lambda self, method, path, what, body=None, query=None: sent.append((method.lower(), path, body)) or POD,
    )
    provider.create(REQUESTS[1])
    for asked in (provider.start, provider.stop, provider.restart, provider.terminate, provider.pod):
        asked("abc")
    for asked in (provider.pods, provider.gpus, provider.volumes, provider.bills):
        asked()
    assert len(sent) == 10
    for method, path, body in sent:
        described = SPEC["paths"][template(path).replace("billing/{id}", "billing/pods")][method]["request"]
        assert (body is None) == (described is None)
        validator(described or {}).validate(body)


POD = {"id": "abc", "name": "a", "status": "RUNNING", "pods": [], "gpus": [], "networkVolumes": [], "records": []}
START, STOP = {"action": "start"}, {"action": "stop"}


@pytest.mark.parametrize(
    ("fault", "path", "body", "expected"),
    [
        ({"no_capacity": 1}, "/v2/pods", BODY, 400),
        ({"fail_after_create": 1}, "/v2/pods", BODY, 500),
        ({"errors": 1}, "/v2/pods", BODY, 503),
        ({"throttled": 1}, "/v2/pods", BODY, 429),
        ({"quota": 0}, "/v2/pods", BODY, 429),
        ({"balance": 0}, "/v2/pods", BODY, 402),
        ({"zero_gpu": 1}, "/v2/pods", BODY, 201),
        ({"full_host": 1}, "/v2/pods/{stopped}/action", START, 400),
        ({"zero_gpu": 1}, "/v2/pods/{stopped}/action", START, 200),
        ({"stale_port": 1}, "/v2/pods/{stopped}/action", START, 200),
    ],
    ids=str,
)
def test_faults_are_answers_of_the_same_form(double, fault, path, body, expected):
    stopped = double.rent()
    double.ask("POST", f"/v2/pods/{stopped}/action", STOP)
    if "balance" in fault:
        double.cloud.balance = 0.0
    else:
        double.cloud.faults.set(fault)
    status, answer, _ = double.ask("POST", path.format(stopped=stopped), body)
    assert status == expected
    described = SPEC["paths"][template(path)]["post"]["responses"]
    check(described.get(str(status), described["default"]), answer)


def test_pods_in_odd_states_are_of_the_same_form(double):
    for name, happens in (("evicted", "evict"), ("moved", "migrate")):
        pod = double.rent(name=f"dgops-{name}")
        assert double.ask("POST", f"/control/pods/{pod}/{happens}")[0] == 200
    double.cloud.create(BODY, bid=1.0)
    double.cloud.faults.set({"zero_gpu": 1})
    double.rent(name="dgops-zero")
    status, answer, _ = double.ask("GET", "/v2/pods")
    assert (status, len(answer["pods"])) == (200, 4)
    check(SPEC["paths"]["/v2/pods"]["get"]["responses"]["200"], answer)
