"""A double of RunPod without containers, for every unit test that rents."""

import json
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dgops.sandbox.runpod.cloud import Cloud
from dgops.sandbox.runpod.server import Server

KEY = "sandbox_key_for_unit_tests"
BODY = {
    "name": "dgops-pod",
    "image": "runpod/pytorch",
    "gpu": {"id": "NVIDIA GeForce RTX 4090"},
    "ports": ["22/tcp"],
    "env": {"PUBLIC_KEY": "ssh-ed25519 AAAA me"},
    "mounts": {"persistent": {"size": 10, "path": "/workspace"}},
}
LOG = [
    ("2026-06-01T12:00:00Z", "256 SHA256:" + "a" * 43 + " root@pod (ED25519)"),
    ("2026-06-01T12:00:01Z", "started"),
]


@dataclass
class PaperMachines:
    """Pods that run on paper: what was asked of them, in order."""

    asked: list = field(default_factory=list)
    port: int = 40000
    slow: list = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)
    lines: list = field(default_factory=lambda: list(LOG))

    def __post_init__(self):
        self.go.set()

    def start(self, pod, slow):
        assert self.go.wait(10)
        self.port += 1
        self.slow.append(slow)
        self.asked.append(("start", pod.id))
        return self.port

    def stop(self, pod_id, grace):
        self.asked.append(("stop", pod_id))

    def remove(self, pod):
        self.asked.append(("remove", pod.id))

    def drop_volume(self, volume_id):
        self.asked.append(("drop", volume_id))

    def log(self, pod_id):
        return self.lines


@dataclass
class PaperDouble:
    """A double that answers over HTTP, and a plain way to ask it."""

    cloud: Cloud
    server: Server

    @property
    def url(self):
        return self.server.url

    def ask(self, method, path, body=None, key=KEY):
        """Return status, JSON and headers of an answer."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
                raw, status, found = answer.read(), answer.status, answer.headers
        except urllib.error.HTTPError as error:
            with error:
                raw, status, found = error.read(), error.code, error.headers
        return status, json.loads(raw) if raw else None, found

    def rent(self, **changes):
        """Rent a pod and return its id once it runs."""
        status, pod, _ = self.ask("POST", "/v2/pods", {**BODY, **changes})
        assert status == 201, pod
        self.settle(pod["id"])
        return pod["id"]

    def settle(self, pod_id, status="RUNNING"):
        for _ in range(1000):
            with self.cloud._lock:  # what is seen is then written down too
                if self.cloud.pods[pod_id].status == status:
                    return
            threading.Event().wait(0.01)
        raise AssertionError(self.cloud.pods[pod_id])


@pytest.fixture
def double(tmp_path: Path):
    """Return a double whose pods run on paper."""
    cloud = Cloud(PaperMachines(), tmp_path / "cloud.json")
    with Server(cloud, KEY) as server:
        running = threading.Thread(target=server.serve_forever, args=(0.01,))
        running.start()
        yield PaperDouble(cloud, server)
        cloud.machines.go.set()
        server.shutdown()
        running.join()


@pytest.fixture
def session(double):
    """Return a session with the double that never sleeps for long."""
    from dgops.pods.runpod.session import Session

    made = Session(double.url, KEY, sleep=lambda _seconds: None)
    yield made
    made.close()


@pytest.fixture
def provider(session):
    """Return RunPod's client before the double."""
    from dgops.pods.runpod.client import RunPod

    return RunPod(session)
