"""Pods that go at any moment: no edit older than a round of the keeper is lost, no whole checkpoint, no word untrue."""

import os
import signal
import time

import hands
import pytest
from chances import SCHEDULES, STEPS
from judge import NAME
from pod_world import GPUS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a pod's own disk and processes need root")


@pytest.mark.parametrize("world", SCHEDULES, indirect=True)
def test_nothing_is_lost(world):
    world.do_create(1.0)
    world.quiet()
    world.sync("--from", "local")
    for _ in range(STEPS):
        world.step()
    world.night(1.0)
    world.finish()


# By then a pod runs, and nobody was in: the calls of a start are the list, the start, and looks at the pod.
@pytest.mark.parametrize("call", [2, 3])
def test_a_start_that_is_killed_leaves_a_pod_that_the_next_look_has_keep_its_limits(world, call):
    world.do_create(1.0)
    world.double.cloud.stop(world.pod().id, 0)
    world.settle_losses()
    killed = world.dgops("pod", "start", NAME, "--wait", "3", blow=hands.Blow(call, True, signal.SIGKILL))
    world.quiet()
    assert (killed.code, world.pod().status) == (-signal.SIGKILL, "RUNNING")
    time.sleep(0.3)
    assert not world.kept()
    told = world.dgops("pod", "list")
    assert "keeps to its limits from now on" in told.err
    world.until(world.kept, "nobody keeps its limits")
    assert "limits" not in world.dgops("pod", "list").err


def test_a_stop_that_was_killed_before_it_was_asked_is_no_stop(world):
    world.dgops("pod", "create", NAME, *GPUS, *world.volume, "--spot", "--wait", "3")
    ran_on = 0
    for call in range(6):
        world.quiet()
        before = world.pod()
        world.dgops("pod", "stop", NAME, blow=hands.Blow(call, False, signal.SIGKILL))
        world.quiet()
        world.stopped(before)
        world.judge.pods()
        if world.pod().status == "RUNNING":
            ran_on += 1
            world.do_evict(0)
            world.quiet()
            world.judge.pods()
        world.do_start(1.0)
    assert ran_on > 1


def test_who_follows_lets_go_soon_and_the_job_goes_on(world):
    world.go(1)
    following = world.begin("up", NAME, "--recipe", "train.yml", *GPUS, *world.volume)
    world.until(world.checkpoints.complete, lambda: f"no checkpoint: {following.err}")
    began = time.monotonic()
    following.kill(signal.SIGINT)
    assert (following.code, time.monotonic() - began < 20) == (130, True), following.err
    assert "its job goes on" in following.err
    world.quiet()
    assert world.alive()
    world.finish()
