"""Jobs of many hosts: one that cannot be asked hides nobody, one damaged folder neither."""

from dgops.errors import UnreachableError
from dgops.jobs import link, listing


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
