"""The look that every pod command begins with: what a person does not know yet is told, and asked for only once."""

import time

import pytest

from dgops import settings as settings_room
from dgops.agent import spend
from dgops.errors import UnreachableError, UsageError
from dgops.pods import access, inventory_view, reconcile
from dgops.pods import census as room
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


@pytest.fixture
def doors(monkeypatch, settings):
    """The pods that were gone into, whose keepers are set; `shut` says what keeps us out."""

    class Doors(list):
        shut = ""

    made = Doors()

    def enter(_door, pod):
        made.append(pod.id)
        if made.shut:
            raise UnreachableError(made.shut)
        intents_of(settings).note("one", kept=pod.started)

    monkeypatch.setattr(access.Door, "enter", enter)
    return made


def kept(provider, settings):
    said = []
    found = room.look(provider, settings, said.append)
    room.keep_limits(provider, settings, found, said.append)
    return said


def test_a_start_that_was_cut_off_leaves_a_pod_that_the_next_look_goes_into(double, provider, settings, doors):
    pod = double.rent(name="dgops-one", env={spend.TTL: "3600"})
    intents_of(settings).confirm("one", pod)
    doors.shut = "no SSH server"
    assert kept(provider, settings) == ["one  may keep no limits yet, and costs on: no SSH server"]
    doors.shut = ""
    assert kept(provider, settings) == ["one  keeps to its limits from now on: nobody was in since its start"]
    assert (kept(provider, settings), doors) == ([], [pod, pod])
    # Of a later start nobody knows anything, and a stopped pod lets nobody in.
    provider.stop(pod)
    assert (kept(provider, settings), doors) == ([], [pod, pod])
    double.cloud.clock = lambda: time.time() + 60
    provider.start(pod)
    double.settle(pod)
    assert len(kept(provider, settings)) == 1


def test_a_pod_without_limits_and_one_that_is_not_ours_are_left_alone(double, provider, settings, doors):
    double.rent(name="dgops-two", env={spend.TTL: "3600"})
    intents_of(settings).confirm("one", double.rent(name="dgops-one"))
    kept(provider, settings)
    assert doors == []


def test_how_pods_stood_is_known_without_asking(double, provider, settings):
    pod = double.rent(name="dgops-one")
    intents_of(settings).confirm("one", pod)
    seen = tuple(provider.pods())
    assert room.remembered(settings, seen)[pod].word == "running"
    provider.stop(pod)
    intents_of(settings).stopped("one", pod, "")
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


@pytest.mark.parametrize("why", ["", "its TTL"])
def test_what_ended_a_run_says_nothing_of_one_that_was_started_elsewhere_later(
    double, provider, settings, monkeypatch, why
):
    monkeypatch.setattr(room.self_stop, "reason", lambda *_: why)
    pod = double.rent(name="dgops-one")
    intents = intents_of(settings)
    intents.confirm("one", pod)
    intents.note("one", spot=0.3)
    if not why:
        intents.stopped("one", pod, provider.pod(pod).started)
    provider.stop(pod)
    look = lambda: room.standings(provider, settings, tuple(provider.pods()), {})[pod]  # noqa: E731
    assert (look().word, why in look().why) == ("stopped", True)
    double.cloud.clock = lambda: time.time() + 60
    provider.start(pod)
    double.settle(pod)
    double.cloud.stop(pod, 0)
    monkeypatch.setattr(room.self_stop, "reason", lambda *_: "")
    assert look().word == "outbid"
