"""How a pod stands: what is said is what is, with the reason and the next command."""

from dataclasses import replace

import pytest

from dgops.pods.intents import Intent
from dgops.pods.models import Balance, Endpoint, Pod
from dgops.pods.truth import asks_why, standing

SSH = Endpoint("203.0.113.7", 22, "root")
RUNS = Pod("1", "dgops-pod", "RUNNING", gpu_count=1, ssh=SSH)
STOPPED = Pod("1", "dgops-pod", "EXITED")
FIRST, SECOND = "2026-06-01T12:00:00Z", "2026-06-01T15:00:00Z"
AGAIN = replace(STOPPED, started=SECOND)


def known(**more):
    return Intent("pod", 0.0, **{"pod_id": "1", **more})


@pytest.mark.parametrize(
    ("pod", "intent", "balance", "word", "why", "following"),
    [
        (RUNS, known(), None, "running", "", ""),
        (RUNS, None, None, "running", "", ""),
        (RUNS, known(moved="0"), None, "running", "until then it was pod 0", "dgops deploy --host pod"),
        (Pod("1", "dgops-pod", "RUNNING", ssh=SSH), known(), None, "no GPU", "is billed", "dgops pod terminate pod"),
        (
            Pod("1", "dgops-pod", "RUNNING", gpu_count=1),
            known(),
            None,
            "no SSH",
            "no public port",
            "dgops pod logs pod",
        ),
        (Pod("1", "dgops-pod", "STARTING"), known(), None, "starting", "", ""),
        (Pod("1", "dgops-pod", "ERROR"), None, None, "error", "cannot run", "dgops pod logs pod"),
        (STOPPED, known(stopped=True), Balance(0, 0), "stopped", "", "dgops pod start pod"),
        (STOPPED, known(spot=0.3), Balance(5, 0), "outbid", "more than its 0.3 $", "dgops pod start pod"),
        (STOPPED, known(spot=0.3), Balance(-0.2, 0), "no balance", "-0.20 $", "add credit"),
        (STOPPED, known(), Balance(5, 0), "stopped", "not stopped from here", "dgops pod start pod"),
        (
            STOPPED,
            known(why="its TTL of 8 h"),
            Balance(5, 0),
            "stopped",
            "itself: its TTL of 8 h",
            "dgops pod start pod",
        ),
        (STOPPED, known(why="its TTL of 8 h", spot=0.3), None, "stopped", "its TTL of 8 h", "dgops pod start pod"),
        (STOPPED, known(why="its ceiling of 1.00 $"), None, "stopped", "its ceiling", "dgops pod terminate pod"),
        # Stopped from here or by itself, started in the console, and then outbid.
        (AGAIN, known(stopped=True, run=FIRST, spot=0.3), None, "outbid", "more than its 0.3 $", "dgops pod start pod"),
        (AGAIN, known(why="its TTL", run=FIRST, spot=0.3), None, "outbid", "more than its", "dgops pod start pod"),
        (AGAIN, known(stopped=True, run=SECOND, spot=0.3), None, "stopped", "", "dgops pod start pod"),
        (AGAIN, known(stopped=True, spot=0.3), None, "stopped", "", "dgops pod start pod"),
        (STOPPED, known(stopped=True, run=FIRST, spot=0.3), None, "stopped", "", "dgops pod start pod"),
        (STOPPED, known(pod_id="2", spot=1.0), None, "stopped", "", "dgops pod start pod"),
        (STOPPED, None, None, "stopped", "", "dgops pod start pod"),
    ],
)
def test_each(pod, intent, balance, word, why, following):
    found = standing(pod, intent, balance)
    assert found.word == word
    assert why in found.why
    assert bool(why) == bool(found.why)
    assert found.next.startswith(following)
    assert bool(following) == bool(found.next)
    assert found.spot == bool(intent and intent.pod_id == pod.id and intent.spot)


def test_when_the_balance_may_say_more():
    assert asks_why(STOPPED, known())
    assert not asks_why(STOPPED, known(stopped=True))
    assert asks_why(AGAIN, known(stopped=True, run=FIRST))
    assert not asks_why(STOPPED, None)
    assert not asks_why(RUNS, known())
