"""Sandbox hosts, for real: what a pod keeps and loses, what breaks on demand, and that nothing stays behind."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from dgops.errors import DgopsError, UsageError
from dgops.sandbox import faults, hosts, records
from dgops.sandbox.layout import layout_of
from dgops.sandbox.ports import has_banner
from dgops.sandbox.spec import HostSpec
from dgops.transport.known_hosts import KnownHosts, fingerprint

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("distro", ["bookworm", "trixie"])
def test_a_pod_is_bare_and_opens_to_its_key_alone(make_pod: Any, ssh: Any, distro: str) -> None:
    pod = make_pod(distro=distro)
    seen = ssh(pod, "id -un; env; cat /proc/1/comm; . /etc/os-release; echo $VERSION_CODENAME; command -v git rsync")
    assert seen.stdout.splitlines()[0] == "root", seen.stderr
    assert distro in seen.stdout
    assert "RUNPOD" not in seen.stdout, "a session must not see the pod's environment"
    assert "systemd" not in seen.stdout
    assert "/git" not in seen.stdout, "what roles bring is not there yet"
    first = ssh(pod, "tr '\\0' '\\n' </proc/1/environ")
    assert f"RUNPOD_TCP_PORT_22={pod.port}" in first.stdout


def test_up_again_reuses_and_says_so(make_pod: Any, project: Any) -> None:
    pod = make_pod("again")
    second = project.dgops("sandbox", "up", "again", "--json")
    assert second.returncode == 0, second.stderr
    shown = json.loads(second.stdout)["hosts"]["again"]
    assert (shown["outcome"], shown["port"]) == ("reused", pod.port)
    listed = project.dgops("sandbox", "list")
    assert [line.split()[:3] for line in listed.stdout.splitlines() if "again" in line] == [["again", "pod", "running"]]


def test_a_restart_keeps_the_volume_and_nothing_else(make_pod: Any, project: Any, ssh: Any) -> None:
    pod = make_pod()
    ssh(pod, "echo kept >/workspace/mark; echo lost >/root/mark")
    hosts.stop(pod.name, project.settings)
    assert hosts.listed(project.settings)[0].status in ("stopped", "running")
    again = hosts.start(pod.name, project.settings)
    assert again.port != pod.port
    assert not set(again.fingerprints) & set(pod.fingerprints)
    seen = ssh(again, "cat /workspace/mark; ls /root/mark")
    assert seen.stdout == "kept\n"
    assert "No such file" in seen.stderr


def test_keys_are_pinned_as_printed_and_the_inventory_follows(make_pod: Any, project: Any) -> None:
    pod = make_pod()
    layout = layout_of(project.settings)
    pinned = KnownHosts(layout.known_hosts).keys(f"dgops-{pod.name}")
    assert sorted(map(fingerprint, pinned)) == sorted(pod.fingerprints)
    inventory = yaml.safe_load((project.root / "inventories/sandbox/hosts.yml").read_text())
    sandbox = inventory["all"]["children"]["sandbox"]
    variables = sandbox["children"]["pods"]["hosts"][pod.name]
    assert (variables["ansible_port"], variables["persistent_root"]) == (pod.port, "/workspace")
    assert sandbox["vars"]["dgops_mode"] == "fast-test"


def test_a_wrong_host_key_shuts_the_door(make_pod: Any, project: Any, ssh: Any) -> None:
    pod, other = make_pod(), make_pod()
    store = KnownHosts(layout_of(project.settings).known_hosts)
    store.pin(f"dgops-{pod.name}", store.keys(f"dgops-{other.name}"))
    refused = ssh(pod, "true")
    assert refused.returncode == 255
    assert "IDENTIFICATION HAS CHANGED" in refused.stderr


def test_a_killed_host_comes_back(make_pod: Any, project: Any, ssh: Any) -> None:
    pod = make_pod()
    faults.kill(pod.name, project.settings)
    assert ssh(pod, "true").returncode == 255
    assert {host.name: host.status for host in hosts.listed(project.settings)}[pod.name] == "stopped"
    again = hosts.start(pod.name, project.settings)
    assert ssh(again, "echo here").stdout == "here\n"


def test_a_partition_is_silent_and_heals(make_pod: Any, project: Any, ssh: Any) -> None:
    pod = make_pod()
    faults.partition(pod.name, project.settings)
    assert not has_banner(pod.port, timeout=2)
    cut = ssh(pod, "true")
    assert cut.returncode == 255
    assert "timed out" in cut.stderr.lower() or "banner" in cut.stderr.lower()
    faults.heal(pod.name, project.settings)
    assert ssh(pod, "echo here").stdout == "here\n"


def test_up_mends_a_pause_and_a_partition(make_pod: Any, project: Any, ssh: Any) -> None:
    pod = make_pod()
    faults.partition(pod.name, project.settings)
    faults.pause(pod.name, project.settings)
    again = hosts.up([pod.spec], project.settings)[0]
    assert (again.outcome, again.port) == ("reused", pod.port)
    assert ssh(again, "echo here").stdout == "here\n"


def test_a_paused_host_answers_nothing_until_it_goes_on(make_pod: Any, project: Any, ssh: Any) -> None:
    pod = make_pod()
    faults.pause(pod.name, project.settings)
    assert not has_banner(pod.port, timeout=2)
    assert {host.name: host.status for host in hosts.listed(project.settings)}[pod.name] == "paused"
    faults.unpause(pod.name, project.settings)
    assert ssh(pod, "echo here").stdout == "here\n"


def test_a_disk_fills_and_drains(make_pod: Any, project: Any, ssh: Any) -> None:
    pod = make_pod(small={"/home": "8m"})
    faults.fill(pod.name, "/home", project.settings)
    assert "No space left on device" in ssh(pod, "echo x >/home/file").stderr
    faults.drain(pod.name, "/home", project.settings)
    assert ssh(pod, "echo x >/home/file && cat /home/file").stdout == "x\n"
    with pytest.raises(UsageError, match="/root is not a size-limited folder"):
        faults.fill(pod.name, "/root", project.settings)


def test_without_a_key_there_is_no_sshd(make_pod: Any) -> None:
    pod = make_pod(public_key=False)
    assert pod.status == "running"
    assert not has_banner(pod.port, timeout=1)


def test_a_wsl_distro_differs_as_wsl_does(make_pod: Any, project: Any, ssh: Any) -> None:
    distro = make_pod(kind="wsl")
    seen = ssh(distro, "id -un; sudo -n id -un; stat -c %a /mnt/c; grep default= /etc/wsl.conf; ls -d /usr/lib/wsl/lib")
    assert seen.stdout.split() == ["wsluser", "root", "777", "default=wsluser", "/usr/lib/wsl/lib"], seen.stderr
    ssh(distro, "echo kept >mark; echo kept >/mnt/c/mark")
    hosts.stop(distro.name, project.settings)
    again = hosts.start(distro.name, project.settings)
    assert (again.port, again.fingerprints) == (distro.port, distro.fingerprints)
    assert ssh(again, "cat mark /mnt/c/mark").stdout == "kept\nkept\n"


def test_two_ups_at_once_make_one_host(project: Any, make_pod: Any) -> None:
    make_pod("twice")
    hosts.remove("twice", project.settings)
    outcomes: list[str] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(hosts.up([HostSpec("twice")], project.settings)[0].outcome))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sorted(outcomes) == ["reused", "reused", "started"]


def test_a_name_keeps_its_kind(make_pod: Any, project: Any) -> None:
    pod = make_pod()
    refused = project.dgops("sandbox", "up", pod.name, "--kind", "wsl")
    assert refused.returncode == 2
    assert f"{pod.name} is a pod on bookworm, not a wsl on bookworm" in refused.stderr


def test_a_host_that_cannot_start_says_why(make_pod: Any, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pod("bad")
    hosts.remove("bad", project.settings)
    with pytest.raises(DgopsError, match=r"bad did not start: .*memory"):
        hosts.up([HostSpec("bad", memory="rubbish")], project.settings)
    assert records.load(layout_of(project.settings), "bad") is not None, "down must find what an up left half-done"


@pytest.mark.parametrize("script", ["leaves_nothing.py", "killed.py", "ordinary.py", "two_clones.py"])
def test_on_a_machine_of_its_own(alone: Any, script: str) -> None:
    ended: subprocess.CompletedProcess[str] = alone(script)
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
