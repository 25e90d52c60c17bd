"""The job of an `up`, on this machine as a host: started once, gone on with where it was lost, told truly where not."""

import getpass
import json
import os
import signal
from dataclasses import replace

import pytest

from dgops import settings as settings_room
from dgops.errors import UnreachableError
from dgops.flows import up_job as room
from dgops.flows.up_job import LostError, Runner
from dgops.health import contract as contracts
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.jobs import memory, resume, submit
from dgops.jobs.follow import follow as room_follow
from dgops.jobs.job import Output, Request
from dgops.jobs.progress import Silent
from dgops.jobs.ready import Ready, deployed


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "dgops.toml").write_text("")
    settings = settings_room.load(tmp_path)
    root = tmp_path / "root"
    root.mkdir()
    contracts.save(Contract("here", (), {}, "fast-test", "a1", "now", "me", str(root), ""), settings.state)
    for one in (submit, resume):
        monkeypatch.setattr(
            one, "require_ready", lambda link, _drift=False: Ready(deployed(link.host, link.settings), {})
        )
    host = Host("here", "local", variables={"user__name": getpass.getuser()})
    said = []
    runner = Runner(settings, Silent(), said.append)
    runner.host, runner.said, runner.jobs = host, said, root / "dgops/jobs"
    return runner


def asked(*argv, resume=None, fingerprint="f1"):
    return Request(
        "script", "w", argv, outputs=(Output("out", settings_room.Path("out")),), resume=resume, fingerprint=fingerprint
    )


def nothing():
    return ""


def test_the_same_work_is_one_job(place):
    request = asked("sh", "-c", "echo once >out")
    first, at = place.run(place.host, request, nothing)
    again, _ = place.run(place.host, request, nothing)
    assert (first.status, again.id, len(list(place.jobs.iterdir()))) == ("succeeded", first.id, 1)
    assert place.home(at).moved.files == 1
    assert place.home(at) is None
    other, _ = place.run(place.host, replace(request, fingerprint="f2"), nothing)
    assert other.id != first.id


def test_what_failed_is_run_anew(place):
    first, _ = place.run(place.host, asked("false"), nothing)
    again, _ = place.run(place.host, asked("false"), nothing)
    assert (first.status, again.status, again.id != first.id) == ("failed", "failed", True)
    assert "failed before" in place.said[0]


@pytest.fixture
def lost(place, monkeypatch):
    """Return the request of a job that was lost when it had begun to write its output."""
    gate = place.jobs.parent / "gate"
    request = asked("sh", "-c", f"echo begun >out; touch {gate}; sleep 600", resume=("sh", "-c", "echo again >>out"))

    def follow(link, base, job, watcher, offsets=None):
        while not gate.exists():
            pass
        os.kill(json.loads((place.jobs / job / "status.json").read_text())["supervisor"]["pid"], signal.SIGKILL)
        raise UnreachableError("cut")

    with monkeypatch.context() as patched:
        patched.setattr(room, "follow", follow)
        with pytest.raises(LostError, match="it is EXITED"):
            place.run(place.host, request, lambda: "it is EXITED")
    return request


def test_what_was_lost_goes_on_in_its_folder(place, lost):
    job, at = place.run(place.host, lost, nothing)
    assert (job.status, job.attempt, len(list(place.jobs.iterdir()))) == ("succeeded", 2, 1)
    assert place.home(at).moved.files == 1
    assert memory.recall(place.settings.state, job.id).outputs[0].local.read_text() == "begun\nagain\n"
    assert "was lost: the agent's process is gone" in place.said[0]


def test_what_a_lost_job_writes_later_comes_home_though_its_outputs_had_come_before(place, lost):
    (known,) = memory.not_home(place.settings.state, "here")
    # As a stop of its pod does, when all that it had written is here.
    memory.mark_home(place.settings.state, known.id)
    _, at = place.run(place.host, lost, nothing)
    assert [one.id for one in memory.not_home(place.settings.state, "here")] == [known.id]
    assert place.home(at).moved.files == 1
    assert memory.recall(place.settings.state, known.id).outputs[0].local.read_text() == "begun\nagain\n"


def test_nobody_knows_is_no_loss(place, monkeypatch):
    def follow(*_, **__):
        raise UnreachableError("cut")

    def fate():
        raise UnreachableError("RunPod is not well")

    monkeypatch.setattr(room, "follow", follow)
    monkeypatch.setattr(room, "LONGEST", 0.0)
    with pytest.raises(UnreachableError, match="cut; and RunPod is not well") as caught:
        place.run(place.host, asked("true"), fate)
    assert not isinstance(caught.value, LostError)


def test_a_cut_on_a_pod_that_runs_on_is_tried_again(place, monkeypatch):
    cuts = [1, 1]

    def cut(link, *more):
        if cuts:
            cuts.pop()
            raise UnreachableError("cut")
        return room_follow(link, *more)

    monkeypatch.setattr(room, "follow", cut)
    monkeypatch.setattr(room, "PAUSE", 0.0)
    job, _ = place.run(place.host, asked("sh", "-c", "echo x >out"), nothing)
    assert (job.status, cuts) == ("succeeded", [])
