"""RunPod's client before the double."""

import time

import pytest

from dgops.errors import ProviderError
from dgops.pods.models import Endpoint, PodRequest

WISH = PodRequest("dgops-a", "x", "NVIDIA GeForce RTX 4090", volume_gb=10, min_cuda="12.1")


def test_the_life_of_a_pod(double, provider):
    pod = provider.create(WISH)
    assert (pod.status, pod.root, pod.ssh) == ("PROVISIONING", "/workspace", None)
    double.settle(pod.id)
    running = provider.pod(pod.id)
    assert running.ssh == Endpoint("127.0.0.1", double.cloud.pods[pod.id].port, "root")
    assert [one.id for one in provider.pods()] == [pod.id]
    assert provider.stop(pod.id).status == "EXITED"
    with pytest.raises(ProviderError) as caught:
        provider.stop(pod.id)
    assert caught.value.status == 409
    assert provider.start(pod.id).status == "STARTING"
    provider.terminate(pod.id)
    provider.terminate(pod.id)
    assert provider.pods() == []


def test_what_there_is(double, provider):
    gpus = {one.name: one for one in provider.gpus()}
    assert gpus["RTX 4090"].stock == {"US-KS-2": "high", "EU-RO-1": "medium"}
    assert (gpus["B200"].secure, gpus["B200"].community) == (5.98, 0.0)
    double.cloud.create_volume({"name": "models", "size": 20, "dataCenter": "US-KS-2"})
    assert [(one.name, one.size_gb, one.kind) for one in provider.volumes()] == [("models", 20, "standard")]


def test_a_log_ends_in_time(double, provider):
    pod = double.rent()
    began = time.monotonic()
    assert list(provider.log(pod, 0.5))[-1] == "started"
    assert time.monotonic() - began < 3


def test_the_bill(double, provider):
    pod = double.rent()
    double.cloud.clock = lambda: double.cloud.pods[pod].created + 3600
    (bill,) = provider.bills()
    assert (bill.pod_id, round(bill.gpu, 2), round(bill.total - bill.gpu - bill.disk, 6)) == (pod, 0.69, 0)
