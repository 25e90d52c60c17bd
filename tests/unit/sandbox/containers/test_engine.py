import os
import time

import pytest

from dgops.errors import BusyError, DgopsError
from dgops.sandbox.containers import engine, orphans


def write_tool(folder, name, text):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_without_an_engine_the_way_to_one_is_shown(tools):
    with pytest.raises(DgopsError, match="neither podman nor a docker daemon") as caught:
        engine.program()
    assert "apt-get install --no-install-recommends podman crun" in caught.value.hint


def test_a_docker_client_without_its_daemon_is_no_engine(tools):
    write_tool(tools, "docker", 'echo "Cannot connect to the Docker daemon" >&2; exit 1')
    with pytest.raises(DgopsError, match="neither podman"):
        engine.program()


def test_a_docker_daemon_that_answers_is_one(tools):
    write_tool(tools, "docker", "echo 28.2.2")
    assert engine.program() == "docker"


def test_podman_names_what_it_lacks(tools):
    write_tool(tools, "podman", "")
    with pytest.raises(DgopsError, match="it also needs crun or runc, iptables or nft"):
        engine.program()
    write_tool(tools, "runc", "")
    write_tool(tools, "nft", "")
    assert engine.program() == "podman"


def test_without_root_it_says_how(monkeypatch):
    monkeypatch.setattr(engine.os, "geteuid", lambda: 1000)
    with pytest.raises(DgopsError, match="rootless podman cannot") as caught:
        engine.require_root()
    assert "sudo" in caught.value.hint


def test_a_call_that_hangs_ends_at_its_deadline(tmp_path, monkeypatch):
    write_tool(tmp_path / "bin", "podman", "exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    begun = time.monotonic()
    with pytest.raises(DgopsError, match="podman ps did not end within 0 s"):
        engine.Engine("podman", tmp_path / "calls").call("ps", timeout=0.3)
    assert time.monotonic() - begun < 5


def test_a_failure_carries_the_engines_last_word(tmp_path, monkeypatch):
    write_tool(tmp_path / "bin", "podman", 'echo one >&2; echo "Error: no space" >&2; exit 125')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(DgopsError, match="podman run failed: Error: no space"):
        engine.Engine("podman", tmp_path / "calls").call("run")


def test_an_orphaned_call_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "_ORPHAN_SECONDS", 0.2)
    found = engine.Engine("sleep", tmp_path / "calls")
    found.await_orphans()
    argv = ["flock", "--close", "--shared", str(tmp_path / "calls"), "sleep", "5"]
    orphan = engine.subprocess.Popen(argv)
    try:
        time.sleep(0.3)
        with pytest.raises(BusyError):
            found.await_orphans()
    finally:
        orphan.kill()
        orphan.wait()


def test_a_monitor_is_read_from_its_command_line():
    line = b"/usr/bin/conmon\0--api-version\x001\0-c\0abc\0-u\0abc\0-r\0/usr/bin/crun\0-n\0dgops-1-pod\0"
    assert orphans.parse(7, line) == orphans.Monitor(7, "dgops-1-pod", "abc", "/usr/bin/crun")
    assert orphans.parse(7, b"/bin/sh\0-c\0x\0-r\0y\0-n\0z\0") is None
    assert orphans.parse(7, b"") is None
