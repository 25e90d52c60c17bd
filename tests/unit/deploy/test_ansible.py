"""How ansible-playbook is started: its argv and its environment hold no secret and no person's habits."""

import sys
from pathlib import Path

import pytest

from dgops.deploy import ansible
from dgops.errors import DgopsError
from dgops.hosts.host import Host


def playbook(*names, **more):
    return ansible.Playbook(Path("site.yml"), [], [Host(name) for name in names], Path("/state/known_hosts"), **more)


def test_argv():
    hosts = [Host("-x"), Host("y")]
    full = ansible.Playbook(Path("site.yml"), [Path("a"), Path("b")], hosts, Path("k"), ("user",), True, True, 7)
    assert ansible.command(full)[1:] == [
        *("site.yml", "-i", "a", "-i", "b", "--limit=-x,y", "--forks", "7"),
        *("--tags", "user", "--check", "--diff"),
    ]


def test_every_host_is_held_to_its_pinned_keys_whatever_its_inventory_says():
    loose = Host("pod", variables={"ansible_ssh_args": "-o StrictHostKeyChecking=no -C"})
    words = ansible.ssh_arguments(loose, Path("/my state/known_hosts"))
    for word in ("HostKeyAlias=dgops-pod", "StrictHostKeyChecking=yes", "ServerAliveInterval=5"):
        assert f"-o {word} " in words
    assert """'UserKnownHostsFile="/my state/known_hosts"'""" in words
    assert words.index("StrictHostKeyChecking=yes") < words.index("StrictHostKeyChecking=no"), "ssh obeys the first"
    found = ansible.variables(playbook("a", "b", variables={"dgops_mode": "production"}))
    assert set(found) == {"dgops_mode", "dgops_ssh_args", "ansible_ssh_args", "dgops_secret"}
    assert set(found["dgops_ssh_args"]) == {"a", "b"}


def test_a_persons_ansible_and_python_variables_stay_out(tmp_path, monkeypatch):
    monkeypatch.setenv("ANSIBLE_STRATEGY", "mitogen")
    monkeypatch.setenv("PYTHONPATH", "/x")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin")
    found = ansible.environment(tmp_path, 3.4)
    assert "ANSIBLE_STRATEGY" not in found
    assert "PYTHONPATH" not in found
    assert found["PATH"] == "/usr/bin", "an activated venv is no place for a local host's modules"
    assert found["ANSIBLE_TIMEOUT"] == "3"
    assert int(found["ANSIBLE_TASK_TIMEOUT"]) > 0


def fake_ansible(tmp_path, monkeypatch, text):
    program = tmp_path / "bin/ansible-playbook"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    return ansible.run(playbook("x"))


def test_an_ansible_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    with pytest.raises(DgopsError, match="could not be started: No such file"):
        list(ansible.run(playbook("x")))


def test_events_and_chatter(tmp_path, monkeypatch):
    lines = 'echo chatter\necho \'{"event": "task_started", "role": "r", "task": "t"}\'\n'
    lines += 'echo \'{"event": "stats", "hosts": {}}\'; echo "[WARNING]: x" >&2'
    events = list(fake_ansible(tmp_path, monkeypatch, lines))
    assert [event["event"] for event in events] == ["said", "task_started", "stats", "said"]
    assert [event["text"] for event in events if event["event"] == "said"] == ["chatter", "[WARNING]: x"]


def test_an_ansible_that_breaks_is_quoted(tmp_path, monkeypatch):
    with pytest.raises(DgopsError, match=r"exit 4: ERROR! Syntax Error"):
        list(fake_ansible(tmp_path, monkeypatch, "echo '[WARNING]: x' >&2; echo 'ERROR! Syntax Error' >&2; exit 4"))


def test_an_abandoned_run_is_ended(tmp_path, monkeypatch):
    run = fake_ansible(tmp_path, monkeypatch, 'echo \'{"event": "a"}\'; echo $$ > pid; exec sleep 600')
    next(run)
    while not Path("pid").exists() or not Path("pid").read_text():
        pass
    pid = int(Path("pid").read_text())
    run.close()
    assert not Path(f"/proc/{pid}").exists()
