"""How ansible-playbook is started: its argv and its environment hold no secret and no person's habits."""

import sys
from pathlib import Path

import pytest

from dgops.deploy import ansible
from dgops.errors import DgopsError


def test_argv(tmp_path):
    playbook = ansible.Playbook(Path("site.yml"), [Path("a"), Path("b")], ["x", "y"], ("user",), True, True, 7, 2)
    assert ansible.command(playbook)[1:] == [
        *("site.yml", "-i", "a", "-i", "b", "--limit", "x,y", "--forks", "7"),
        *("--tags", "user", "--check", "--diff", "-vv"),
    ]


def test_a_persons_ansible_and_python_variables_stay_out(tmp_path, monkeypatch):
    monkeypatch.setenv("ANSIBLE_STRATEGY", "mitogen")
    monkeypatch.setenv("PYTHONPATH", "/x")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin")
    found = ansible.environment(tmp_path / "config", tmp_path)
    assert "ANSIBLE_STRATEGY" not in found
    assert "PYTHONPATH" not in found
    assert found["PATH"] == "/usr/bin", "an activated venv is no place for a local host's modules"
    assert found["ANSIBLE_SSH_ARGS"].startswith(f"-F {tmp_path / 'config'} ")


def fake_ansible(tmp_path, monkeypatch, text):
    program = tmp_path / "bin/ansible-playbook"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    return ansible.run(ansible.Playbook(Path("site.yml"), [], ["x"]), tmp_path / "config")


def test_events_and_chatter(tmp_path, monkeypatch):
    lines = 'echo chatter\necho \'{"event": "task_started", "role": "r", "task": "t"}\'\n'
    lines += 'echo \'{"event": "stats", "hosts": {}}\''
    events = list(fake_ansible(tmp_path, monkeypatch, lines))
    assert [event["event"] for event in events] == ["task_started", "stats"]


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
