"""The pod of an `up`, at a double whose pods run on paper: found, started, rented, or told truly what became of it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from dgops import settings as settings_room
from dgops.errors import DgopsError, UnreachableError, UsageError
from dgops.flows import up_pod as room
from dgops.flows.up_pod import Renter
from dgops.hosts import inventory
from dgops.hosts.host import Host
from dgops.pods import ready
from dgops.pods.account import intents_of
from dgops.pods.wishes import Needs, OwnKey, Wish

WISH = Wish("pod", ("RTX 4090",), "cu121")


@pytest.fixture
def renter(double, provider, tmp_path, monkeypatch):
    """Return a renter of the pod `pod`, whose door is open."""
    monkeypatch.setenv("DGOPS_RUNPOD_URL", double.url)
    (tmp_path / "dgops.toml").write_text("")
    door = SimpleNamespace(enter=lambda _pod: None, judge=lambda *_: 0)
    monkeypatch.setattr(Renter, "_door", lambda _self: door)
    monkeypatch.setattr(ready, "PAUSE", 0.02)
    monkeypatch.setattr(ready, "answers", lambda _endpoint: True)
    key = OwnKey("ssh-ed25519 AAAA me", "")
    return Renter(settings_room.load(tmp_path), provider, WISH, key, 30.0, lambda _text: None)


def test_it_is_rented_once_and_then_found(renter, double):
    pod, how = renter.get()
    assert (how, pod.id, pod.name) == ("rented", next(iter(double.cloud.pods)), "dgops-pod")
    assert renter.get()[1] == "found"
    assert renter.there().id == pod.id
    assert len(double.cloud.pods) == 1


def test_one_that_was_stopped_is_started(renter, double, provider):
    pod, _ = renter.get()
    provider.stop(pod.id)
    double.settle(pod.id, "EXITED")
    again, how = renter.get()
    assert (again.id, how) == (pod.id, "started")


def test_without_a_pod_and_without_a_wish_nobody_guesses(renter):
    with pytest.raises(UsageError, match="there is no pod pod, and nobody says what to rent") as caught:
        replace(renter, wish=Wish("pod", (), "")).get()
    assert "--gpu" in caught.value.hint


def test_a_training_whose_model_is_fetched_from_nowhere_needs_a_volume_that_holds_it(renter, double, provider):
    needs = Needs(files=("dit.safetensors", "vae.safetensors"))
    with pytest.raises(UsageError, match=r"names no source: dit.safetensors, vae.safetensors") as caught:
        replace(renter, wish=replace(WISH, needs=needs)).get()
    assert "--volume" in caught.value.hint
    assert double.cloud.pods == {}
    volume = double.cloud.create_volume({"name": "models", "size": 10, "dataCenter": "US-KS-2"})["id"]
    assert replace(renter, wish=replace(WISH, needs=needs, volume=volume)).get()[1] == "rented"
    # One that is there may have them.
    assert replace(renter, wish=replace(WISH, needs=needs)).get()[1] == "found"


def test_what_became_of_a_pod_that_does_not_answer(renter, double, provider):
    pod, _ = renter.get()
    assert renter.fate(pod) == ""
    assert renter.fate(replace(pod, started="2020-01-01T00:00:00Z")) == f"pod {pod.id} was started anew"
    provider.stop(pod.id)
    double.settle(pod.id, "EXITED")
    assert renter.fate(pod) == f"pod {pod.id} is EXITED"
    provider.terminate(pod.id)
    assert renter.fate(pod) == f"pod {pod.id} is no longer rented"
    other, _ = renter.get()
    assert other.id != pod.id
    assert renter.fate(pod) == f"pod {pod.id} is no longer rented"


def test_a_machine_without_a_gpu_is_given_up_where_nothing_is_tied_to_it(renter, double, provider):
    volume = double.cloud.create_volume({"name": "models", "size": 10, "dataCenter": "US-KS-2"})["id"]
    renter = replace(renter, wish=replace(WISH, volume=volume))
    pod, _ = renter.get()
    provider.stop(pod.id)
    double.settle(pod.id, "EXITED")
    double.cloud.faults.set({"zero_gpu": 1})
    again, how = renter.get()
    assert (how, again.id != pod.id, again.volume_id) == ("rented", True, volume)
    assert set(double.cloud.pods) == {again.id}
    assert intents_of(renter.settings).get("pod").pod_id == again.id


def test_a_volume_of_the_pods_own_is_not_given_up(renter, double, provider):
    renter = replace(renter, wish=replace(WISH, volume_gb=10))
    pod, _ = renter.get()
    provider.stop(pod.id)
    double.settle(pod.id, "EXITED")
    double.cloud.faults.set({"zero_gpu": 1})
    with pytest.raises(DgopsError, match="its volume is tied to its machine") as caught:
        renter.get()
    assert "dgops pod terminate pod" in caught.value.hint
    assert pod.id in double.cloud.pods


@pytest.mark.parametrize(
    ("hosts", "error", "words"),
    [
        ((), DgopsError, "the inventory does not list pod abc"),
        ((Host("runpod-pod", variables={"runpod_id": "abc"}),), UsageError, "is a host of yours already"),
        (
            (Host("pod", variables={"runpod_id": "abc", "runpod_away": "its key is not pinned"}),),
            UnreachableError,
            "is not pinned",
        ),
    ],
)
def test_a_pod_that_no_inventory_leads_to(renter, monkeypatch, hosts, error, words):
    known = inventory.Inventory({one.name: one for one in hosts}, {})
    monkeypatch.setattr(inventory, "load", lambda _settings: known)
    with pytest.raises(error, match=words):
        renter.host(SimpleNamespace(id="abc"))


def test_an_inventory_that_lists_no_rented_pods_is_told_before_anything_is_rented(tmp_path):
    (tmp_path / "dgops.toml").write_text('inventory = ["inventories/local"]\n')
    with pytest.raises(UsageError, match="no inventory in use lists rented pods"):
        room.require_inventory(settings_room.load(tmp_path))
