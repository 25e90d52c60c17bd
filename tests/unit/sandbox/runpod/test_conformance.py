"""The double and the client against RunPod's own description: every path, every answer, every body."""

import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from jsonschema import Draft202012Validator, ValidationError

from dgops.agent import spend_stop
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
    whole = {(method, path) for path, methods in SPEC["paths"].items() for method in methods}
    assert {(method, path.replace("billing/{id}", "billing/pods")) for method, path in spoken} == whole - UNSPOKEN


def test_answers(double):
    ids = {"pod": double.rent(), "other": double.rent(name="dgops-other")}
    ids["volume"] = double.ask("POST", "/v2/network-volumes", VOLUME)[1]["id"]
    for method, path, body, expected in CALLS:
        status, answer, headers = double.ask(method.upper(), path.format(**ids), body)
        assert status == expected, (method, path, answer)
        responses = described(method, path)["responses"]
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


def described(method, path):
    return SPEC["paths"][template(path).replace("billing/{id}", "billing/pods")][method]


def judge_request(method, target, body, headers=()):
    """Validate a request as it goes out: its body, and every parameter beside the path."""
    operation, (path, _, query) = described(method, target), target.partition("?")
    assert (body is None) == (operation["request"] is None), target
    validator(operation["request"] or {}).validate(body)
    stated = operation["parameters"]
    sent = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    assert {name for name, one in stated.items() if one["in"] == "query" and one["required"]} <= set(sent), target
    known = {name.lower(): one["schema"] for name, one in stated.items() if one["in"] == "header"}
    for name, text in (*sent.items(), *((name, text) for name, text in headers if name.lower() in known)):
        schema = known.get(name.lower()) or stated.get(name, {}).get("schema")
        assert schema is not None, f"{method} {path} takes no {name}"
        validator(schema).validate(value_of(text, schema))


def value_of(text, schema):
    """Return what a text in a query stands for, by its schema; one that is no such value stays a text."""
    if schema.get("type") == "array":
        return text.split(",")
    if schema.get("type") in ("integer", "number", "boolean"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def test_whatever_the_client_sends_is_described(double, provider):
    sent = []
    provider._session.client.event_hooks = {"request": [sent.append]}
    volume = double.ask("POST", "/v2/network-volumes", VOLUME)[1]["id"]
    wish = replace(REQUESTS[1], gpu="NVIDIA GeForce RTX 4090", volume_id=volume)
    pod = provider.create(wish).id
    double.settle(pod)
    for asked in (provider.stop, provider.start, provider.pod, provider.restart, provider.terminate):
        asked(pod)
        if asked in (provider.start, provider.restart):
            double.settle(pod)
    for asked in (provider.pods, provider.gpus, provider.volumes, provider.bills):
        asked()
    provider.bills(datetime(2026, 11, 30, tzinfo=timezone.utc))
    other = double.rent(name="dgops-other")
    double.cloud.machines.lines = lines = [(f"2026-06-01T12:00:0{number}Z", "started") for number in range(3)]
    assert len(list(provider.log(other, 3, 1))) == len(lines)
    assert len(sent) == 12
    for one in sent:
        target = one.url.raw_path.decode()
        judge_request(one.method.lower(), target, json.loads(one.content) if one.content else None, one.headers.items())


def test_a_log_is_taken_up_by_a_described_header():
    judge_request(
        "get", "/v2/pods/abc/logs?source=container&tail=1000", None, [("last-event-id", "2026-06-01T12:00:00Z")]
    )


def test_what_a_pod_asks_of_itself_is_described():
    judge_request("post", "/v2/pods/abc/action", json.loads(spend_stop.BODY))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/v2/catalog/gpus?gpuId=x", "takes no gpuId"),
        ("/v2/catalog/gpus?include=STOCK", "STOCK"),
        ("/v2/pods/abc/logs?tail=9000", "9000"),
        ("/v2/pods/abc/logs?source=kernel", "kernel"),
        ("/v2/billing/pods?bucketSize=century", "century"),
    ],
)
def test_what_is_not_described_is_seen(target, words):
    with pytest.raises((AssertionError, ValidationError), match=words):
        judge_request("get", target, None)


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
    responses = described("post", path)["responses"]
    check(responses.get(str(status), responses["default"]), answer)


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
