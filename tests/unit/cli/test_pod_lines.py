"""Pods, bills and offers as lines: what is rented by whom, harmless for a terminal, nothing cut away."""

import pytest

from dgops.cli import pod_lines as room
from dgops.pods.models import Bill, Endpoint, Pod
from dgops.pods.truth import Standing

POD = Pod(
    "abc",
    "dgops-one",
    "RUNNING",
    ("stop",),
    gpu="NVIDIA GeForce RTX 4090",
    gpu_count=1,
    data_center="US-KS-2",
    cost=0.69,
    ssh=Endpoint("203.0.113.7", 40022, "root"),
)


@pytest.mark.parametrize(
    ("gpu", "count", "words"),
    [
        ("NVIDIA GeForce RTX 4090", 1, "RTX 4090"),
        ("NVIDIA L40S", 2, "2 × L40S"),
        ("", 0, "no GPU"),
        ("NVIDIA L40S", 0, "no GPU"),
    ],
)
def test_gpus_in_a_word(gpu, count, words):
    assert room.gpu_of(Pod("a", "dgops-a", "RUNNING", gpu=gpu, gpu_count=count)) == words


def test_pods_and_what_they_cost_together():
    bare = Pod("def", "dgops-tw\x1b[2Jo", "EXITED", cost=0.01)
    standings = {"abc": Standing("running", spot=True), "def": Standing("stopped")}
    head, one, two, total = room.pods((POD, bare), standings, {"abc": 3600.0})
    assert head.split()[:2] == ["POD", "STATE"]
    assert "0.69 spot" in one
    assert "root@203.0.113.7 port 40022" in one
    assert two.startswith("tw?[2Jo  stopped")
    assert two.split()[-1] == "-"
    assert total == "0.70 $ an hour"


def test_a_reason_is_told_where_there_is_something_to_do():
    standings = {"abc": Standing("outbid", "somebody paid more", "dgops pod start one")}
    assert room.reasons((POD,), standings) == ["one  outbid: somebody paid more; next: dgops pod start one"]
    assert room.reasons((POD,), {"abc": Standing("stopped", "from here")}) == []


def test_a_pod_as_json_names_how_it_stands_only_where_somebody_looked():
    assert "state" not in room.pod_json(POD)
    found = room.pod_json(POD, Standing("outbid", "why", ""))
    assert (found["short"], found["state"], found["why"], found["next"]) == ("one", "outbid", "why", None)
    assert (found["actions"], found["ssh"]["port"]) == (["stop"], 40022)


def test_bills_of_pods_that_are_gone_count_too():
    lines = room.costs((Bill("abc", 1.5, 1.0, 0.5), Bill("gone", 2.0, 2.0, 0.0)), {"abc": POD})
    assert [line.split()[0] for line in lines] == ["POD", "one", "gone", "3.50"]
    assert room.costs((), {}) == ["0.00 $ in all"]
