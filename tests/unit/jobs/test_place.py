"""Where a job is: found here first, else there; nowhere and several places are said."""

import json

import pytest

from dgops.errors import RemoteError, UnreachableError, UsageError
from dgops.hosts.inventory import Inventory
from dgops.jobs import memory
from dgops.jobs.job import Output
from dgops.jobs.link import Link
from dgops.jobs.place import Place, find, show


def test_found_by_memory_without_asking(three, settings, tmp_path):
    spec = {"id": "99990000", "kind": "command", "label": "x", "created": "now", "attest": {}}
    memory.keep(settings.state, "gone", spec, [Output("a", tmp_path / "a")])
    found = find("9999", three, settings)
    assert (found.host.name, found.base, found.id) == ("gone", "/workspace/dgops", "99990000")
    assert found.outputs == (Output("a", tmp_path / "a"),)
    with pytest.raises(UsageError, match="is on gone, which is in no inventory"):
        find("9999", Inventory({"one": three.hosts["one"]}, {}), settings)


def test_found_by_asking(three, settings):
    found = find("0123", three, settings)
    assert (found.host.name, found.id, found.outputs) == ("one", "0123abcd", None)


def test_not_found(three, settings):
    with pytest.raises(UnreachableError, match="not every host could be asked"):
        find("ffff", three, settings)
    with pytest.raises(UsageError, match="no job begins with ffff"):
        find("ffff", three, settings, [three.hosts["one"]])


def test_several(scripted, settings):
    hosts = {name: scripted(name, {"id": f"0123{name}", "status": "lost"}) for name in ("aaaa", "bbbb")}
    with pytest.raises(UsageError, match=r"0123aaaa \(aaaa\), 0123bbbb \(bbbb\)"):
        find("0123", Inventory(hosts, {}), settings)


def test_show(scripted, settings):
    good = scripted("pod", stdout=json.dumps({"job": {"id": "0123abcd", "status": "lost"}, "spec": {"argv": ["ls"]}}))
    with Link(good, settings) as link:
        job, spec = show(link, Place(good, "/base", "0123abcd"))
    assert (job.status, spec) == ("lost", {"argv": ["ls"]})
    odd = scripted("odd")
    with Link(odd, settings) as link, pytest.raises(RemoteError, match="odd described a job"):
        show(link, Place(odd, "/base", "0123abcd"))
