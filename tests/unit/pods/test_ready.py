"""Ready is when sshd answers."""

import socket
import threading

import pytest

from dgops.errors import DgopsError, UnreachableError
from dgops.pods import ready


@pytest.fixture
def sshd():
    """Return the port of a server that introduces itself as sshd does."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    over = threading.Event()

    def serve():
        while not over.is_set():
            try:
                link, _ = listener.accept()
            except TimeoutError:
                continue
            with link:
                link.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    running = threading.Thread(target=serve)
    running.start()
    yield listener.getsockname()[1]
    over.set()
    running.join()
    listener.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(ready, "PAUSE", 0.05)


def test_it_answers_behind_the_new_port(double, provider, sshd):
    double.cloud.faults.set({"stale_port": 2})
    double.cloud.machines.port = sshd - 1
    said = []
    pod = ready.wait(provider, double.rent(), 10, said.append)
    assert pod.ssh.port == sshd
    assert said == ["pod  running"]


def test_it_never_does(double, provider):
    with pytest.raises(UnreachableError, match="no SSH server on port"):
        ready.wait(provider, double.rent(), 0.3, lambda _line: None)


def test_it_ended(double, provider):
    pod = double.rent()
    provider.stop(pod)
    with pytest.raises(DgopsError, match="EXITED"):
        ready.wait(provider, pod, 5, lambda _line: None)


def test_the_keys_that_it_printed(double, provider):
    pod = double.rent()
    assert ready.host_keys(provider, pod, 2) == {"ED25519": "SHA256:" + "a" * 43}
    double.cloud.machines.lines = [("2026-06-01T12:00:00Z", "SHA256:" + "b" * 43 + " of a model")]
    assert ready.host_keys(provider, pod, 0.3) == {}
    assert ready.host_keys(provider, "nothere", 0.3) == {}
