"""dgops pod stop and terminate: what is asked of RunPod, what is remembered, what is said."""

import json

import pytest

from dgops import settings as settings_room
from dgops.pods.account import intents_of


@pytest.fixture
def known(double, dgops, tmp_path):
    """Return a pod that was asked for from here, and what is known of it."""
    pod = double.rent(name="dgops-one")
    intents = intents_of(settings_room.load(tmp_path))
    intents.confirm("one", pod)
    return pod, intents


def test_who_stopped_it_is_remembered(double, dgops, known):
    pod, intents = known
    code, out, _ = dgops("pod", "stop", "one", "--json")
    assert (code, json.loads(out)["pod"]["id"], json.loads(out)["pod"]["status"]) == (0, pod, "EXITED")
    assert intents.get("one").stopped is True


@pytest.mark.usefixtures("known")
def test_one_that_is_stopped_is_told_and_not_asked_again(double, dgops):
    dgops("pod", "stop", "one")
    asked = list(double.cloud.machines.asked)
    code, _, err = dgops("pod", "stop", "one")
    assert (code, "one  is exited already" in err) == (0, True)
    assert double.cloud.machines.asked == asked


def test_ended_for_good_it_is_said_before_and_forgotten_after(double, dgops, known):
    pod, intents = known
    code, out, err = dgops("pod", "terminate", "one")
    assert (code, out) == (0, f"one  terminated  {pod}\n")
    assert any(line.startswith("one  terminate ") for line in err.splitlines())
    assert (double.cloud.pods, intents.all()) == ({}, {})


def test_ending_a_stranger_of_the_same_name_forgets_nothing_of_ours(double, dgops, known):
    pod, intents = known
    other = double.rent(name="dgops-one")
    code, out, _ = dgops("pod", "terminate", other, "--json")
    assert (code, json.loads(out)) == (0, {"ok": True, "terminated": {"id": other, "name": "one"}})
    assert intents.get("one").pod_id == pod
    assert set(double.cloud.pods) == {pod}
