"""Before a pod ends: outputs that are whole come home, and what cannot come is named."""

from types import SimpleNamespace

import pytest

from dgops import settings as settings_room
from dgops.errors import LossError, UnreachableError
from dgops.flows import pod_end as room
from dgops.flows.guard import Consent, Guard
from dgops.hosts.host import Host
from dgops.jobs import memory
from dgops.jobs.job import Job, Output
from dgops.pods.models import Endpoint, Pod

POD = Pod(
    "p1", "dgops-gadget", "RUNNING", ssh=Endpoint("203.0.113.7", 40022, "root"), volume_id="v1", root="/workspace"
)
JOB = Job("0123abcd", "gadget", "script", "train", "succeeded")
SPEC = {"id": "0123abcd", "kind": "script", "label": "train", "created": "now", "attest": {}}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A project with one job whose outputs are not home; `hosts` are in its inventory, `ends` is how the job stands."""
    (tmp_path / "dgops.toml").write_text("")
    place = SimpleNamespace(settings=settings_room.load(tmp_path), said=[], guarded=[], ends=JOB)
    place.hosts = [Host("gadget", variables={"runpod_id": "p1"})]
    monkeypatch.setattr(room.inventory, "load", lambda _: SimpleNamespace(hosts={one.name: one for one in place.hosts}))
    monkeypatch.setattr(Guard, "before_destroy", lambda _self, host: place.guarded.append(host.name))

    def pulled(settings, host, known, guard):
        if isinstance(place.ends, Exception):
            raise place.ends
        if place.ends.over:
            memory.mark_home(settings.state, known.id)
        return place.ends

    monkeypatch.setattr(room, "_pulled", pulled)
    place.keep = lambda host: memory.keep(place.settings.state, host, SPEC, [Output("results", tmp_path / "results")])
    place.keep("gadget")
    place.end = lambda pod=POD, **consent: room.before_end(
        place.settings, pod, Guard(place.settings, Consent(lambda _text: "", **consent), place.said.append)
    )
    return place


def mapped(place, host):
    tables = (SimpleNamespace(values={"host": host}),)
    object.__setattr__(place.settings, "maps", tables)


def test_outputs_come_home_and_nothing_is_refused(place):
    place.end()
    assert memory.not_home(place.settings.state, "gadget") == []


def test_a_job_that_runs_is_named(place):
    place.ends = Job("0123abcd", "gadget", "script", "train", "running")
    with pytest.raises(LossError, match="job 0123abcd is running: train"):
        place.end()
    place.end(hosts=("gadget",))
    assert "is running" in place.said[-1]


def test_a_pod_under_another_name_is_guarded_as_well(place):
    place.hosts = [Host("mine", address="203.0.113.7", port=40022), Host("other", address="203.0.113.7", port=22)]
    place.keep("mine")
    mapped(place, "mine")
    place.ends = UnreachableError("cut")
    with pytest.raises(LossError, match="mine: outputs of 1 job are not home:\n  job 0123abcd: cut"):
        place.end()
    place.ends = JOB
    place.end()
    assert place.guarded == ["mine"]


def test_another_pod_of_the_same_name_is_not_this_one(place):
    place.hosts = [Host("gadget", variables={"runpod_id": "p2"})]
    with pytest.raises(LossError, match="not home"):
        place.end()


def test_a_stopped_pod_keeps_outputs_on_its_network_volume(place):
    place.hosts = [Host("gadget", variables={"runpod_id": "p1", "runpod_away": "its pod p1 is EXITED"})]
    place.ends = UnreachableError("its pod p1 is EXITED")
    mapped(place, "gadget")
    stopped = Pod("p1", "dgops-gadget", "EXITED", volume_id="v1", root="/workspace")
    place.end(stopped)
    assert "stay on network volume v1" in place.said[-1]
    assert place.guarded == []
    with pytest.raises(LossError, match="is EXITED"):
        place.end(Pod("p1", "dgops-gadget", "EXITED", root="/workspace"))


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        (POD, "network volume v1 stays"),
        (Pod("p", "n", "RUNNING", root="/workspace"), "the pod's own volume, /workspace"),
        (Pod("p", "n", "RUNNING"), "its only disk"),
    ],
)
def test_what_goes_is_said(pod, words):
    assert words in room.deleted(pod)


def test_only_what_is_gone_is_forgotten(place):
    room.after_terminate(place.settings, POD)
    assert memory.recall(place.settings.state, "0123")
    room.after_terminate(place.settings, Pod("p1", "dgops-gadget", "RUNNING", root="/workspace"))
    assert memory.recall(place.settings.state, "0123") is None
