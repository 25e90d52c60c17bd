import pytest

from dgops.errors import DgopsError
from dgops.hosts.host import Host
from dgops.transport import fanout

from .conftest import free_port

FAKE = [{"argv": ["sh", "-c"], "stdout": "a\nb\n", "stderr": "c\n", "returncode": 4}]


def by_host(answers):
    return {answer["host"]: answer for answer in answers}


def test_one_that_is_down_hides_nobody(pod, sshd, settings):
    hosts = [
        pod,
        sshd.host("down", port=free_port()),
        sshd.host("stranger"),
        Host("here", connection="local"),
        Host("demo", connection="fake", variables={"dgops_fake_answers": FAKE}),
    ]
    found = by_host(fanout.execute(hosts, ["printf", "%s.", "a b", "it's", "$HOME"], settings, 10))
    assert {name: answer["outcome"] for name, answer in found.items()} == {
        "pod": "ok",
        "down": "unreachable",
        "stranger": "unreachable",
        "here": "ok",
        "demo": "failed",
    }
    assert found["pod"]["stdout"] == found["here"]["stdout"] == "a b.it's.$HOME."
    assert (found["demo"]["exit"], found["demo"]["stdout"], found["demo"]["stderr"]) == (4, "a\nb\n", "c\n")
    assert "refuses connections" in found["down"]["error"]
    assert "no host key is pinned" in found["stranger"]["error"]
    assert "dgops hosts add stranger" in found["stranger"]["hint"]


def test_a_deadline_is_each_hosts_own(pod, settings):
    hosts = [pod, Host("here", connection="local")]
    found = by_host(fanout.execute(hosts, ["sh", "-c", 'test -n "$SSH_CONNECTION" && sleep 30; echo'], settings, 1))
    assert found["here"]["outcome"] == "ok"
    assert found["pod"]["outcome"] == "unreachable"
    assert "no end within 1 s" in found["pod"]["error"]


def test_facts(pod, settings):
    (answer,) = fanout.facts([pod], settings)
    assert answer["outcome"] == "ok"
    assert set(answer["facts"]) == {"hostname", "os", "kernel", "arch", "python", "cpus", "memory_mb", "user"}
    assert answer["facts"]["user"] == pod.user


def test_a_worker_that_dies_is_told(monkeypatch, settings):
    monkeypatch.setattr(fanout.sys, "executable", "/bin/false")
    answers = list(fanout.execute([Host("here", connection="local")], ["true"], settings, 1))
    assert [answer["outcome"] for answer in answers] == ["unreachable"]


def test_a_worker_that_hangs_is_ended(monkeypatch, settings, tmp_path):
    program = tmp_path / "slow"
    program.write_text("#!/bin/sh\nsleep 60\n")
    program.chmod(0o700)
    monkeypatch.setattr(fanout.sys, "executable", str(program))
    monkeypatch.setattr(fanout, "SPARE_SECONDS", -12.5)
    (answer,) = fanout.execute([Host("here", connection="local")], ["true"], settings, 1)
    assert "no answer within" in answer["error"]


def test_a_worker_that_complains_is_told(monkeypatch, settings, tmp_path):
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho ImportError: no pyinfra >&2\nexit 1\n")
    program.chmod(0o700)
    monkeypatch.setattr(fanout.sys, "executable", str(program))
    with pytest.raises(DgopsError, match="ImportError: no pyinfra"):
        list(fanout.execute([Host("here", connection="local")], ["true"], settings, 1))
