"""dgops pod list and show: why a pod stands still that stopped itself."""

import json

CREATE = ("--gpu", "RTX 4090", "--env", "cu121", "--key", "key.pub", "--wait", "0")


def standing(dgops):
    (pod,) = json.loads(dgops("pod", "list", "--json")[1])["pods"]
    return pod["state"], pod["why"]


def test_what_its_log_said_is_told_and_kept_until_it_is_started(double, dgops):
    dgops("pod", "create", "one", *CREATE, "--ttl", "8h")
    (pod,) = double.cloud.pods
    double.settle(pod)
    said = ("2026-06-01T12:00:02Z", "dgops: this pod stops itself: its TTL of 8 h")
    double.cloud.machines.lines.append(said)
    double.ask("POST", f"/v2/pods/{pod}/action", {"action": "stop"})
    assert standing(dgops) == ("stopped", "it stopped itself: its TTL of 8 h")
    double.cloud.machines.lines.remove(said)
    assert "it stopped itself: its TTL of 8 h" in dgops("pod", "show", "one")[1]
    dgops("pod", "start", "one", "--wait", "0")
    double.settle(pod)
    double.ask("POST", f"/v2/pods/{pod}/action", {"action": "stop"})
    assert standing(dgops) == ("stopped", "it was not stopped from here: RunPod did it, or the pod itself")


def test_money_is_told_by_the_bill(double, dgops):
    dgops("pod", "create", "one", *CREATE, "--max-cost", "1")
    (pod,) = double.cloud.pods
    double.settle(pod)
    later = double.cloud.pods[pod].created + 7200
    double.cloud.clock = lambda: later
    double.ask("POST", f"/v2/pods/{pod}/action", {"action": "stop"})
    assert standing(dgops) == ("stopped", "it stopped itself: its ceiling of 1.00 $ is reached, 1.38 $ are billed")
