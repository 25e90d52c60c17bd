"""What is rented as it was last told: kept, read back, asked anew in time, and nobody waits for who does not answer."""

import json
from dataclasses import replace

import pytest

from dgops import settings as settings_room
from dgops.errors import DgopsError
from dgops.pods import access, inventory_age
from dgops.pods import inventory_view as room
from dgops.pods.inventory_view import View
from dgops.pods.models import Endpoint, Pod

BODY = {
    "image": "runpod/pytorch",
    "gpu": {"id": "NVIDIA GeForce RTX 4090"},
    "ports": ["22/tcp"],
    "env": {"PUBLIC_KEY": "ssh-ed25519 AAAA me"},
    "mounts": {"persistent": {"size": 10, "path": "/workspace"}},
}
POD = Pod("abc", "dgops-one", "RUNNING", ("stop",), ssh=Endpoint("127.0.0.1", 22, "root"), limits={"TTL": "8h"})


@pytest.fixture
def settings(double, tmp_path, monkeypatch):
    monkeypatch.setenv("DGOPS_RUNPOD_URL", double.url)
    monkeypatch.setenv("RUNPOD_API_KEY", double.server.key)
    monkeypatch.setattr(access, "pin", lambda *_: None)
    (tmp_path / "dgops.toml").write_text("")
    return settings_room.load(tmp_path)


@pytest.fixture
def asks(settings, monkeypatch):
    """Return how often RunPod was asked."""
    asked, real = [], room.connected

    def connected(known):
        asked.append(known)
        return real(known)

    monkeypatch.setattr(room, "connected", connected)
    return asked


def place(settings):
    return inventory_age.folder(settings) / "view.json"


def test_what_is_remembered_is_read_back_whole(settings):
    room.remember(settings, [POD, replace(POD, id="def", ssh=None)])
    found = room.remembered(settings)
    assert found.pods == (POD, replace(POD, id="def", ssh=None))
    assert (found.trouble, found.asked > 0, found.pods[0].limits) == ("", True, {"TTL": "8h"})


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"pods": 3}', '{"pods": [{"ssh": null}], "asked": 1, "trouble": "", "untrusted": {}}']
)
def test_a_damaged_view_is_as_good_as_none(settings, text):
    place(settings).parent.mkdir(parents=True)
    place(settings).write_text(text)
    assert room.remembered(settings) == View()


def test_it_is_asked_once_and_again_when_its_time_is_over(settings, double, asks):
    pod = double.rent(name="dgops-one")
    assert [one.id for one in room.look(settings).pods] == [pod]
    double.rent(name="dgops-two")
    assert len(room.look(settings).pods) == 1
    assert len(asks) == 1
    inventory_age.expire(settings)
    assert len(room.look(settings).pods) == 2
    assert len(asks) == 2


def test_a_pod_that_is_coming_up_is_looked_at_again_soon(settings, double, monkeypatch):
    kept = []
    monkeypatch.setattr(inventory_age, "keep", lambda _settings, life: kept.append(life))
    double.cloud.machines.go.clear()
    status, pod, _ = double.ask("POST", "/v2/pods", {**BODY, "name": "dgops-one"})
    assert (status, [one.status in room.COMING for one in room.look(settings).pods]) == (201, [True])
    double.cloud.machines.go.set()
    double.settle(pod["id"])
    room.look(settings)
    assert kept == [inventory_age.SOON, inventory_age.LIFE]


def test_one_whose_key_cannot_be_pinned_is_told_with_the_reason(settings, double, monkeypatch):
    def pin(provider, pod, settings, seconds):
        raise DgopsError("its log names no host key")

    monkeypatch.setattr(access, "pin", pin)
    pod = double.rent(name="dgops-one")
    assert room.look(settings).untrusted == {pod: "its log names no host key"}


def test_where_nobody_answers_what_was_told_last_is_shown_and_not_every_look_waits(settings, double, asks, monkeypatch):
    pod = double.rent(name="dgops-one")
    room.look(settings)
    inventory_age.expire(settings)
    double.cloud.faults.set({"errors": 1000})
    monkeypatch.setattr(room, "PATIENCE", 0.05)
    found = room.look(settings)
    assert ([one.id for one in found.pods], "did not answer" in found.trouble) == ([pod], True)
    assert room.look(settings).trouble == found.trouble
    assert len(asks) == 2


def test_without_a_key_nothing_is_kept_so_that_one_set_now_counts_at_once(settings, double, monkeypatch):
    double.rent(name="dgops-one")
    monkeypatch.delenv("RUNPOD_API_KEY")
    assert "RUNPOD_API_KEY" in room.look(settings).trouble
    monkeypatch.setenv("RUNPOD_API_KEY", double.server.key)
    assert len(room.look(settings).pods) == 1


def test_what_is_gone_is_forgotten(settings, double, monkeypatch):
    forgotten = []
    monkeypatch.setattr(access, "forget", lambda pod, _settings: forgotten.append(pod))
    room.remember(settings, [POD])
    assert room.look(settings).pods == ()
    assert forgotten == ["abc"]
    assert json.loads(place(settings).read_text())["pods"] == []
