"""Getting into a pod: what its log vouches for is believed, and nothing else."""

from dataclasses import replace

import pytest

from dgops import settings as settings_room
from dgops.errors import HostKeyError, UnreachableError
from dgops.pods import access
from dgops.transport.known_hosts import KnownHosts, fingerprint

GOOD = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF9rYKJ4Nn2LQk0hmFk6dEx6qAbl7CmQxq6rPvFbFzPx"


@pytest.fixture
def settings(tmp_path):
    return settings_room.load(tmp_path, {"state": str(tmp_path / "state")})


@pytest.fixture
def pod(double, provider):
    return provider.pod(double.rent())


@pytest.fixture
def shown(monkeypatch):
    keys = [GOOD]
    monkeypatch.setattr(access, "scan", lambda *_where: list(keys))
    return keys


def print_keys(double, *keys):
    double.cloud.machines.lines = [
        ("2026-06-01T12:00:00Z", "256 SHA256:" + "b" * 43 + " root@before (ED25519)"),
        ("2026-06-01T12:00:01Z", "started"),
        *(("2026-06-01T12:00:02Z", f"256 {fingerprint(key)} root@pod (ED25519)") for key in keys),
    ]


def test_what_the_log_names_is_pinned(double, provider, pod, settings, shown):
    print_keys(double, GOOD)
    access.pin(provider, pod, settings, 5)
    assert KnownHosts(settings.state / "known_hosts").keys(f"runpod-{pod.id}") == [GOOD]
    # Of the same start it is not asked again.
    shown[:] = [OTHER]
    access.pin(provider, pod, settings, 5)
    assert KnownHosts(settings.state / "known_hosts").keys(f"runpod-{pod.id}") == [GOOD]
    print_keys(double, OTHER)
    access.pin(provider, replace(pod, started="2026-06-02T12:00:00Z"), settings, 5)
    assert KnownHosts(settings.state / "known_hosts").keys(f"runpod-{pod.id}") == [OTHER]
    access.forget(pod.id, settings)
    assert KnownHosts(settings.state / "known_hosts").keys(f"runpod-{pod.id}") == []


@pytest.mark.usefixtures("shown")
def test_somebody_else_behind_the_port_is_not_believed(double, provider, pod, settings):
    print_keys(double, OTHER)
    with pytest.raises(HostKeyError, match="names none of the host keys"):
        access.pin(provider, pod, settings, 0.5)
    assert KnownHosts(settings.state / "known_hosts").keys(f"runpod-{pod.id}") == []


def test_a_pod_is_known_by_its_id(pod):
    host = access.host_of(pod, "/home/me/id")
    assert (host.name, host.alias, host.port, str(host.identity)) == (
        "pod",
        f"runpod-{pod.id}",
        pod.ssh.port,
        "/home/me/id",
    )
    with pytest.raises(UnreachableError, match="shows no SSH port"):
        access.host_of(replace(pod, ssh=None))
