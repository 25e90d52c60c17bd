"""The look that every pod command begins with: what a person does not know yet is told, and asked for only once."""

import pytest

from dgops import settings as settings_room
from dgops.errors import UsageError
from dgops.pods import census as room
from dgops.pods import inventory_view, reconcile
from dgops.pods.account import intents_of


@pytest.fixture
def settings(double, tmp_path, monkeypatch):
    monkeypatch.setenv("DGOPS_RUNPOD_URL", double.url)
    (tmp_path / "dgops.toml").write_text("")
    return settings_room.load(tmp_path)


@pytest.fixture
def look(provider, settings):
    """Return `look()`: what was found, and what was said of it."""

    def go():
        said = []
        return room.look(provider, settings, said.append), said

    return go


def test_a_pod_that_is_known_is_not_talked_about_and_is_remembered(double, settings, look):
    pod = double.rent(name="dgops-one")
    intents_of(settings).confirm("one", pod)
    found, said = look()
    assert ([one.id for one in found.known], said) == ([pod], [])
    assert [one.id for one in inventory_view.remembered(settings).pods] == [pod]


def test_a_create_that_was_cut_off_is_told_once(double, settings, look):
    pod = double.rent(name="dgops-one")
    intents_of(settings).ask("one")
    assert look()[1] == [f"one  a create that was cut off had rented it: pod {pod}"]
    assert look()[1] == []


def test_a_stranger_is_told_each_time_with_the_command_that_ends_it(double, look):
    pod = double.rent(name="dgops-one")
    for _ in range(2):
        (line,) = look()[1]
        assert line.endswith(f"nobody here asked for it: dgops pod terminate {pod}")
    assert pod in double.cloud.pods


def test_a_pod_on_another_machine_is_told_once(double, settings, look):
    pod = double.rent(name="dgops-one")
    intents_of(settings).confirm("one", pod)
    moved = double.cloud.migrate(pod).id
    double.settle(moved)
    assert look()[1] == [f"one  is another pod now: {moved}, on another machine"]
    assert look()[1] == []


@pytest.mark.parametrize(("balance", "why"), [(9.0, ""), (0.0, ": the balance is used up")])
def test_one_that_was_ended_elsewhere_is_told_and_forgotten(double, provider, settings, look, balance, why):
    pod = double.rent(name="dgops-one")
    intents_of(settings).confirm("one", pod)
    look()
    provider.terminate(pod)
    double.cloud.balance = balance
    assert look()[1] == [f"one  is rented no more: pod {pod} was ended, and not from here{why}"]
    assert look()[1] == []
    assert intents_of(settings).all() == {}


def test_a_create_that_came_to_nothing_is_no_loss(settings, look, monkeypatch):
    monkeypatch.setattr(reconcile, "GRACE", -1.0)
    intents_of(settings).ask("one")
    assert look()[1] == []


def test_a_pod_is_found_by_name_and_by_id_and_what_is_none_is_refused(double, provider, settings):
    pod = double.rent(name="dgops-one")
    intents_of(settings).confirm("one", pod)
    for name in ("one", pod):
        assert room.find(provider, settings, name, pytest.fail).id == pod
    with pytest.raises(UsageError, match="no pod is called two"):
        room.find(provider, settings, "two", pytest.fail)


def test_how_pods_stood_is_known_without_asking(double, provider, settings):
    pod = double.rent(name="dgops-one")
    intents_of(settings).confirm("one", pod)
    seen = tuple(provider.pods())
    assert room.remembered(settings, seen)[pod].word == "running"
    provider.stop(pod)
    intents_of(settings).stopped("one", pod)
    assert room.remembered(settings, tuple(provider.pods()))[pod].word == "stopped"


def test_the_log_is_asked_only_for_a_pod_that_stands_still_without_a_word(double, provider, settings, monkeypatch):
    asked = []
    monkeypatch.setattr(room.self_stop, "reason", lambda _provider, pod, _spent: asked.append(pod.id) or "ttl of 8h")
    one, two = double.rent(name="dgops-one"), double.rent(name="dgops-two")
    for name, pod in (("one", one), ("two", two)):
        intents_of(settings).confirm(name, pod)
    provider.stop(one)
    for _ in range(2):
        found = room.standings(provider, settings, tuple(provider.pods()), {})
        assert set(found) == {one, two}
    assert asked == [one]
    assert intents_of(settings).get("one").why == "ttl of 8h"
