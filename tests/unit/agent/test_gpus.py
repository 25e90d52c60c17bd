"""GPU slots: each to one job, in the order of asking, free when the last process of it is gone."""

import os
import signal
import subprocess
import sys
import time

import pytest
from soak import many

from dgops.agent import gpus, live_gpu

SHOW = "import os; print(os.environ.get('CUDA_VISIBLE_DEVICES')); import time; time.sleep({})"


@pytest.fixture
def cards(agent_host, tmp_path, monkeypatch):
    """A host whose nvidia-smi lists so many GPUs."""
    if any(os.path.exists(path) for path in live_gpu.NVIDIA_SMI):
        pytest.skip("this machine has an nvidia-smi of its own")

    def put(count):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        lines = "".join(f"GPU {index}: NVIDIA Test (UUID: GPU-{index})\\n" for index in range(count))
        (folder / "nvidia-smi").write_text(f"#!/bin/sh\nprintf '{lines}'\n")
        (folder / "nvidia-smi").chmod(0o755)
        agent_host.path = f"{folder}:{agent_host.path}"
        monkeypatch.setenv("PATH", agent_host.path)
        return agent_host

    return put


def test_one_slot_goes_from_job_to_job_in_order(cards):
    host = cards(1)
    first = host.submit(sys.executable, "-c", SHOW.format(60), mode="production", gpus={"count": 1})
    host.wait_for_output(first, "0\n")
    assert host.show(first)["gpus"] == [0]
    second, third = (host.submit(sys.executable, "-c", SHOW.format(0), gpus={"count": 1}) for _ in range(2))
    until = time.monotonic() + 10
    while "before it" not in (host.show(third)["reason"] or "") and time.monotonic() < until:
        time.sleep(0.1)
    assert (host.show(second)["status"], host.show(second)["reason"]) == ("queued", "waits for a GPU")
    assert host.show(third)["reason"] == "waits for a GPU, 1 job before it"
    host.call("cancel", id=first, grace=0.2)
    assert host.wait(second)["status"] == "succeeded"
    assert host.wait(third)["status"] == "succeeded"
    assert host.show(second)["started"] < host.show(second)["finished"] <= host.show(third)["started"]
    assert "waited" in [one["event"] for one in host.events(third)]


def test_a_higher_priority_waits_before_lower_ones(cards):
    host = cards(1)
    first = host.submit(sys.executable, "-c", SHOW.format(60), gpus={"count": 1})
    host.wait_for_output(first, "0\n")
    low, plain, high = (
        host.submit(sys.executable, "-c", SHOW.format(0), gpus={"count": 1}, priority=one) for one in (-5, None, 9)
    )
    until = time.monotonic() + 20
    while (host.show(high)["reason"] or "") != "waits for a GPU" and time.monotonic() < until:
        time.sleep(0.1)
    host.call("cancel", id=first, grace=0.2)
    ended = [host.wait(job)["started"] for job in (high, plain, low)]
    assert ended == sorted(ended)


def test_of_many_that_wait_each_runs_once_and_in_order(cards):
    host = cards(1)
    path = host.folder / "order"
    first = host.submit(sys.executable, "-c", SHOW.format(600), gpus={"count": 1})
    host.wait_for_output(first, "0\n")
    jobs = [host.submit("sh", "-c", f"echo $DGOPS_JOB_ID >> {path}", gpus={"count": 1}) for _ in range(many(10))]
    assert {host.show(job)["status"] for job in jobs} == {"queued"}
    assert len(host.call("list")["jobs"]) == len(jobs) + 1
    host.call("cancel", id=first, grace=0.2)
    for job in jobs:
        assert host.wait(job, seconds=300)["status"] == "succeeded"
    assert path.read_text().split() == jobs


def test_a_waiting_job_is_cancelled_and_lets_the_next_one_in(cards):
    host = cards(1)
    first = host.submit(sys.executable, "-c", SHOW.format(60), gpus={"ids": [0]})
    host.wait_for_output(first, "0\n")
    second, third = (host.submit(sys.executable, "-c", SHOW.format(0), gpus={"count": 1}) for _ in range(2))
    host.call("cancel", id=second)
    seen = host.wait(second)
    assert (seen["status"], seen["reason"], seen["started"]) == ("cancelled", "cancelled before it had started", None)
    host.call("cancel", id=first, grace=0.1)
    assert host.wait(third)["status"] == "succeeded"


def test_a_killed_supervisor_frees_its_place_and_its_slot(cards):
    host = cards(1)
    first, second = (host.submit(sys.executable, "-c", SHOW.format(60), gpus={"count": 1}) for _ in range(2))
    host.wait_for_output(first, "0\n")
    third = host.submit(sys.executable, "-c", SHOW.format(0), gpus={"count": 1})
    for job in (second, first):
        os.kill(host.status(job)["supervisor"]["pid"], signal.SIGKILL)
    assert host.wait(third)["status"] == "succeeded"


def test_two_of_three(cards):
    host = cards(3)
    one = host.submit(sys.executable, "-c", SHOW.format(60), gpus={"ids": [1]})
    host.wait_for_output(one, "1\n")
    two = host.submit(sys.executable, "-c", SHOW.format(0), gpus={"count": 2})
    assert host.wait(two)["gpus"] == [0, 2]
    assert host.log(two) == "0,2\n"
    host.call("cancel", id=one, grace=0.1)
    host.wait(one)


def test_what_the_host_has_not_is_refused(cards):
    host = cards(2)

    def refused(asked, mode):
        order = {"user": host.user, "mode": mode, "spec": host.spec("true", gpus=asked), "secrets": {}}
        return host.call("submit", **order)["refused"]

    assert refused({"count": 3}, "fast-test") == "3 GPUs were asked for, this host has 2"
    assert refused({"ids": [0, 2]}, "production") == "there is no GPU 2; this host has 0, 1"
    cards(0)
    assert "shows no GPU" in refused({"count": 1}, "production")
    assert not host.base.exists()


def test_fast_test_goes_on_without(cards):
    host = cards(0)
    job = host.submit(sys.executable, "-c", SHOW.format(0), gpus={"count": 1})
    assert host.wait(job)["status"] == "succeeded"
    assert host.log(job) == "None\n"
    missed = next(one for one in host.events(job) if one["event"] == "gpus_missed")
    assert missed["level"] == "warning"


def test_a_slot_is_held_by_whoever_inherits_it(tmp_path):
    gpus.prepare(str(tmp_path), [0])
    turn = gpus.Turn(str(tmp_path), "00000000")
    held = turn.take({"count": 1}, [0])
    child = subprocess.Popen(["sleep", "60"], pass_fds=tuple(held.values()))
    gpus.release(held)
    later = gpus.Turn(str(tmp_path), "11111111")
    assert later.take({"count": 1}, [0]) == {}
    child.kill()
    child.wait(5)
    again = later.take({"count": 1}, [0])
    assert list(again) == [0]
    gpus.release(again)
