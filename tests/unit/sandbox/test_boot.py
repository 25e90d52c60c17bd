from pathlib import Path

from dgops.sandbox import boot
from dgops.sandbox.layout import Layout
from dgops.sandbox.records import Record
from dgops.sandbox.spec import HostSpec

LAYOUT = Layout("0a0a0a0a", Path("/s/sandbox"), Path("/i"), Path("/s/known_hosts"), Path("/c"))


def arguments(**spec):
    record = Record(HostSpec("pod", **spec), "abc", 4001)
    return boot.run_arguments(LAYOUT, ("--ulimit", "nofile=1:2"), record, "image", "ssh-ed25519 AAAA")


def test_a_pod_listens_on_loopback_alone_and_keeps_its_workspace():
    line = " ".join(arguments())
    assert "--publish 127.0.0.1:4001:22" in line
    assert "--volume dgops-0a0a0a0a-pod-workspace:/workspace" in line
    assert "--env RUNPOD_TCP_PORT_22=4001" in line
    assert "--ulimit nofile=1:2" in line
    assert line.endswith("image /start.sh")


def test_a_wsl_distro_knows_nothing_of_pods():
    line = " ".join(arguments(kind="wsl"))
    assert "-pod-mnt-c:/mnt/c" in line
    assert "RUNPOD" not in line


def test_limits_and_a_missing_key_go_through():
    found = arguments(memory="64m", small={"/home": "8m"}, public_key=False)
    assert found[found.index("--memory") + 1] == "64m"
    assert found[found.index("--tmpfs") + 1] == "/home:size=8m,mode=0755"
    assert "PUBLIC_KEY=" in found


def test_states_are_told_apart():
    assert boot.state_of(None) == "gone"
    for status, state in {"running": "running", "paused": "paused", "exited": "stopped", "created": "stopped"}.items():
        assert boot.state_of({"State": {"Status": status}}) == state
