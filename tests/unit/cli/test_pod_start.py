"""dgops pod start: what it refuses, and what it says of a pod that nobody waits for."""

import pytest

from dgops.errors import DgopsError

CREATE = ("--gpu", "RTX 4090", "--env", "cu121", "--key", "key.pub", "--wait", "0")


def test_a_pod_that_has_cost_what_it_may_stays_stopped(double, dgops):
    dgops("pod", "create", "one", *CREATE, "--max-cost", "1")
    (pod,) = double.cloud.pods
    double.settle(pod)
    later = double.cloud.pods[pod].created + 7200
    double.cloud.clock = lambda: later
    dgops("pod", "stop", "one")
    with pytest.raises(DgopsError, match=r"one has cost 1.38 \$, and its ceiling of 1.00 \$ is reached"):
        dgops("pod", "start", "one")
    assert double.cloud.pods[pod].status == "EXITED"


def test_nobody_waits_so_nobody_keeps_its_limits_yet(double, dgops):
    words = "one  keeps to its limits only once somebody was in: dgops pod start one"
    assert words in dgops("pod", "create", "one", *CREATE, "--ttl", "8h")[2]
    (pod,) = double.cloud.pods
    double.settle(pod)
    assert words in dgops("pod", "start", "one", "--wait", "0")[2]
    assert "keeps to its limits" not in dgops("pod", "create", "two", *CREATE)[2]
