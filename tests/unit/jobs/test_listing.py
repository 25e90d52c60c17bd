"""Jobs of many hosts: one that cannot be asked hides nobody, one damaged folder neither."""

from dgops.errors import UnreachableError
from dgops.health import contract as contracts
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.jobs import link, listing, memory
from dgops.jobs.listing import listed, vanished


def test_listed(three, settings):
    one, gone = listing.listed(list(three.hosts.values()), settings)
    assert [(job.id, job.host) for job in one.jobs] == [("0123abcd", "one")]
    assert isinstance(gone.error, UnreachableError)


def test_each_host_is_asked_once(three, settings, monkeypatch):
    asked, connect = [], link.connect

    def counting(host, settings):
        transport = connect(host, settings)
        asked.append((host.name, transport))
        return transport

    monkeypatch.setattr(link, "connect", counting)
    list(listing.listed(list(three.hosts.values()), settings))
    assert {name: len(transport.calls) for name, transport in asked} == {"one": 1, "gone": 1}


def test_jobs_of_a_pod_that_is_gone_are_lost_with_the_evidence(settings):
    spec = {"kind": "script", "label": "train", "created": "now", "attest": {}}
    for job in ("00000001", "00000002"):
        memory.keep(settings.state, "gadget", {**spec, "id": job}, [], "p1")
    memory.keep(settings.state, "elsewhere", {**spec, "id": "00000003"}, [])
    memory.mark_over(settings.state, "00000002")
    contracts.save(Contract("gadget", (), {}, "fast-test", "a1", "now", "me", "/r", ""), settings.state)
    away = {"runpod_id": "p1", "runpod_status": "EXITED", "runpod_away": "its pod p1 is EXITED"}
    (found,) = listed([Host("gadget", variables=away)], settings)
    assert [(one.id, one.status, one.reason) for one in found.jobs] == [("00000001", "lost", "its pod p1 is EXITED")]
    coming = {**away, "runpod_status": "RUNNING", "runpod_away": "its pod p1 runs, and has no SSH port yet"}
    (found,) = listed([Host("gadget", variables=coming)], settings)
    assert (found.jobs, "no SSH port yet" in found.error.message) == ((), True)
    (gone,) = vanished(["here"], settings)
    assert [(one.id, one.reason) for one in gone.jobs] == [("00000001", "no inventory lists its pod p1 any more")]
    assert vanished(["gadget"], settings) == []
