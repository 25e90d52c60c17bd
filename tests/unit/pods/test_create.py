"""Creating once, whatever fails on the way."""

from dataclasses import replace

import pytest

from dgops.errors import BusyError, CapacityError, ProviderError, UnreachableError, UsageError
from dgops.pods import create as room
from dgops.pods.intents import Intents
from dgops.pods.models import PodRequest

CARDS = ("NVIDIA GeForce RTX 4090", "NVIDIA L40S")
WISHES = [PodRequest("dgops-pod", "x", card) for card in CARDS]


@pytest.fixture
def intents(tmp_path):
    return Intents(tmp_path / "pods")


def create(provider, intents, wishes=WISHES):
    return room.create(provider, "pod", wishes, intents, sleep=lambda _seconds: None)


def test_the_first_that_is_to_be_had(double, provider, intents):
    double.cloud.faults.set({"no_capacity": 1})
    done = create(provider, intents)
    assert (done.outcome, done.pod.gpu, len(done.passed)) == ("created", CARDS[1], 1)
    assert intents.all()["pod"].pod_id == done.pod.id


def test_again_is_the_same(double, provider, intents):
    first, again = create(provider, intents), create(provider, intents)
    assert (again.outcome, again.pod.id) == ("found", first.pod.id)
    assert len(double.cloud.pods) == 1


def test_none_is_to_be_had(double, provider, intents):
    double.cloud.faults.set({"no_capacity": 2})
    with pytest.raises(CapacityError) as caught:
        create(provider, intents)
    assert caught.value.message.count("no longer any instances") == 2
    assert (intents.all(), double.cloud.pods) == ({}, {})


def test_no_money_ends_it_at_once(double, provider, intents):
    double.cloud.set_balance(0)
    with pytest.raises(ProviderError) as caught:
        create(provider, intents)
    assert (caught.value.status, intents.all()) == (402, {})


def test_an_answer_that_was_lost_makes_no_second_pod(double, provider, intents):
    double.cloud.faults.set({"fail_after_create": 1})
    done = create(provider, intents)
    assert list(double.cloud.pods) == [done.pod.id]
    assert double.cloud.ledger()["billing"] == [done.pod.id]


def test_a_bid_whose_failure_says_nothing_makes_no_second_pod(double, provider, intents, monkeypatch):
    from dgops.sandbox.runpod import cloud

    double.cloud.faults.set({"fail_after_create": 1})
    monkeypatch.setattr(cloud, "WENT_WRONG", "Whatever.")
    done = create(provider, intents, [replace(wish, bid=1.0) for wish in WISHES])
    assert (list(double.cloud.pods), done.pod.gpu) == ([done.pod.id], CARDS[0])


def test_an_error_that_made_nothing_is_tried_once_more(double, provider, intents, monkeypatch):
    calls = []
    honest = type(provider).create

    def flaky(self, wish):
        calls.append(wish)
        if len(calls) == 1:
            raise UnreachableError("cut off")
        return honest(self, wish)

    monkeypatch.setattr(type(provider), "create", flaky)
    create(provider, intents)
    assert (len(calls), len(double.cloud.pods)) == (2, 1)


def test_what_nobody_knows_stays_written_down(provider, intents, monkeypatch):
    def deaf(*_anything):
        raise UnreachableError("cut off")

    monkeypatch.setattr(type(provider), "create", deaf)
    with pytest.raises(UnreachableError) as caught:
        create(provider, intents)
    assert "reconcile" in caught.value.hint
    assert intents.all()["pod"].pod_id == ""


def test_it_is_written_down_before_it_is_asked(provider, intents, monkeypatch):
    def killed(*_anything):
        assert intents.all()["pod"].pod_id == ""
        raise KeyboardInterrupt

    monkeypatch.setattr(type(provider), "create", killed)
    with pytest.raises(KeyboardInterrupt):
        create(provider, intents)
    assert "pod" in intents.all()


def test_ctrl_c_while_it_is_asked_for_gives_it_back(double, provider, intents, monkeypatch):
    honest = type(provider).create

    def interrupted(self, wish):
        honest(self, wish)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(provider), "create", interrupted)
    with pytest.raises(KeyboardInterrupt):
        create(provider, intents)
    assert (double.cloud.pods, double.cloud.ledger()["billing"], intents.all()) == ({}, [], {})


def test_one_at_a_time(provider, intents):
    with intents.alone("pod"), pytest.raises(BusyError):
        create(provider, intents)


def test_two_of_one_name(double, provider, intents):
    for _ in range(2):
        double.rent()
    with pytest.raises(UsageError, match="2 pods are called pod"):
        create(provider, intents)
