"""Orphans are found, and nothing that is rented is touched."""

import pytest

from dgops.pods import reconcile as room
from dgops.pods.intents import Intents
from dgops.pods.reconcile import reconcile


@pytest.fixture
def intents(tmp_path):
    return Intents(tmp_path / "pods")


@pytest.fixture
def later(monkeypatch):
    """Let the time be over in which a create may still be under way."""
    monkeypatch.setattr(room, "GRACE", -1.0)


@pytest.mark.usefixtures("later")
def test_each_kind(double, provider, intents):
    known, lost = double.rent(name="dgops-known"), double.rent(name="dgops-lost")
    stranger, other = double.rent(name="dgops-stranger"), double.rent(name="somebody-elses")
    intents.confirm("known", known)
    intents.ask("lost")
    intents.confirm("gone", "abc")
    intents.ask("never")
    found = reconcile(provider, intents)
    assert [one.id for one in found.known] == [known]
    assert [one.id for one in found.adopted] == [lost]
    assert [one.id for one in found.strangers] == [stranger]
    assert {one.name for one in found.dropped} == {"gone", "never"}
    assert {name: one.pod_id for name, one in intents.all().items()} == {"known": known, "lost": lost}
    assert set(double.cloud.pods) == {known, lost, stranger, other} == {one.id for one in found.pods}
    assert f"dgops pod terminate {stranger}" in room.strays(found)[0]


def test_what_was_just_asked_for_may_come_yet(provider, intents):
    intents.ask("pod")
    assert reconcile(provider, intents).dropped == ()
    assert "pod" in intents.all()


def test_what_a_list_has_shown_and_shows_no_more_is_gone(double, provider, intents):
    intents.confirm("pod", double.rent())
    assert [one.name for one in reconcile(provider, intents).known] == ["dgops-pod"]
    double.cloud.set_balance(0)
    assert [one.name for one in reconcile(provider, intents).dropped] == ["pod"]
    assert intents.all() == {}


@pytest.mark.usefixtures("later")
def test_what_is_being_asked_for_stays(provider, intents):
    with intents.alone("pod"):
        intents.ask("pod")
        assert reconcile(provider, intents).dropped == ()
    assert "pod" in intents.all()


def test_a_damaged_record_is_one_that_was_never_confirmed(double, provider, tmp_path, intents):
    pod = double.rent(name="dgops-pod")
    (tmp_path / "pods").mkdir()
    (tmp_path / "pods/pod.json").write_text("{")
    assert [one.id for one in reconcile(provider, intents).adopted] == [pod]


def test_a_moved_pod_is_the_same_pod(double, provider, intents):
    pod = double.rent()
    intents.confirm("pod", pod)
    moved = double.cloud.migrate(pod).id
    found = reconcile(provider, intents)
    assert ([one.id for one in found.moved], found.strangers, found.dropped) == ([moved], (), ())
    assert (intents.get("pod").pod_id, intents.get("pod").moved) == (moved, pod)
    assert [one.id for one in reconcile(provider, intents).known] == [moved]


def test_one_that_was_stopped_and_runs_elsewhere_is_stopped_from_here_no_more(double, provider, intents):
    pod = double.rent(name="dgops-pod")
    intents.confirm("pod", pod)
    provider.stop(pod)
    intents.stopped("pod", pod, "")
    double.settle(double.cloud.migrate(pod).id)
    reconcile(provider, intents)
    assert not intents.get("pod").stopped


@pytest.mark.parametrize(
    ("answered", "goes_on", "ours"), [(False, True, False), (True, True, True), (False, False, True)]
)
def test_a_stop_that_got_no_answer_was_none_where_the_pod_is_seen_running(
    double, provider, intents, answered, goes_on, ours
):
    pod = double.rent(name="dgops-pod")
    run = provider.pod(pod).started
    intents.confirm("pod", pod)
    intents.stopping("pod", pod, run)
    if answered:
        # A list may be older than the answer.
        intents.stopped("pod", pod, run)
    if not goes_on:
        provider.stop(pod)
    reconcile(provider, intents)
    assert intents.get("pod").stopped == ours


def test_of_two_one_is_ours_and_the_other_is_named(double, provider, intents):
    first, second = double.rent(), double.rent()
    intents.ask("pod")
    found = reconcile(provider, intents)
    assert {found.adopted[0].id, found.strangers[0].id} == {first, second}
    again = reconcile(provider, intents)
    assert (again.known, again.strangers) == (found.adopted, found.strangers)
