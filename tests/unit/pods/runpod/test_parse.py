"""RunPod's answers as our values."""

import pytest

from dgops.errors import UnreachableError
from dgops.pods.models import Bill, Endpoint, PodRequest
from dgops.pods.runpod import parse

# RunPod's own example of an answer, which contradicts its description: `runtime` is {} and a template is named.
EXAMPLE = {
    "id": "7h9k2m4n6p",
    "name": "pytorch-training",
    "image": "runpod/pytorch",
    "args": "",
    "status": "RUNNING",
    "actions": ["stop", "restart", "terminate"],
    "mounts": {"persistent": {"size": 20, "path": "/workspace"}},
    "gpu": {"id": "NVIDIA GeForce RTX 4090", "count": 1},
    "cloud": "SECURE",
    "dataCenterId": "US-KS-2",
    "ssh": {"proxy": None, "direct": {"host": "195.26.233.3", "port": 34446, "username": "root", "command": "ssh"}},
    "template": "9x4m2p7v",
    "cost": 0.44,
    "runtime": {},
    "somethingNew": {"a": 1},
    "createdAt": "2026-06-01T12:00:00Z",
    "startedAt": None,
}


def test_a_pod():
    pod = parse.single(EXAMPLE, "pod", parse.pod)
    assert (pod.ssh, pod.root, pod.started) == (Endpoint("195.26.233.3", 34446, "root"), "/workspace", "")
    assert (pod.gpu, pod.gpu_count, pod.cost, pod.volume_id) == ("NVIDIA GeForce RTX 4090", 1, 0.44, "")


def test_a_pod_of_which_little_is_said():
    pod = parse.single({"id": "a", "name": "b", "status": "LOST", "ssh": None, "gpu": None}, "pod", parse.pod)
    assert (pod.ssh, pod.gpu_count, pod.actions) == (None, 0, ())


def test_a_network_volume():
    mounts = {"network": [{"volumeId": "v", "path": "/data"}]}
    pod = parse.single({**EXAMPLE, "mounts": mounts}, "pod", parse.pod)
    assert (pod.volume_id, pod.root) == ("v", "/data")


@pytest.mark.parametrize("answer", [None, [], {}, {"pods": None}, {"pods": [{}]}, {"pods": ["x"]}])
def test_what_is_no_answer(answer):
    with pytest.raises(UnreachableError, match="not what it should be"):
        parse.listed(answer, "pods", parse.pod)


def test_no_empty_args():
    """RunPod starts no sshd where the image's own command is replaced by nothing."""
    body = parse.creation(PodRequest("a", "x", "g"))
    assert "args" not in body
    assert "mounts" not in body


def test_data_centers_are_in_capitals():
    assert parse.creation(PodRequest("a", "x", "g", data_centers=("us-ks-2",)))["dataCenterIds"] == ["US-KS-2"]


def test_a_bill_comes_by_stretches_of_time():
    records = [{"podId": "a", "totalAmount": 1, "gpuAmount": 1}, {"podId": "b", "totalAmount": 5, "diskAmount": 5}]
    found = parse.bills(parse.listed({"records": [*records, records[0]]}, "records", parse.bill))
    assert found == [Bill("b", 5, 0, 5), Bill("a", 2, 2, 0)]
