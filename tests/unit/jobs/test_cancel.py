"""Cancelling: until it is over, or its time is."""

import json

import pytest

from dgops.errors import DgopsError
from dgops.jobs import cancel as canceling
from dgops.jobs.cancel import cancel
from dgops.jobs.follow import follow
from dgops.jobs.job import Request
from dgops.jobs.link import Link
from dgops.jobs.place import Place
from dgops.jobs.submit import spec_of


def test_a_running_one(link, here, base, user, heard):
    spec = spec_of(Request("command", "sleep", ("sleep", "60")), [], {})
    order = {"op": "submit", "base": base, "user": user, "mode": "fast-test", "spec": spec, "secrets": {}}
    link.call("job", order)
    place = Place(here, base, spec["id"])
    assert cancel(link, place).status == "cancelled"
    assert cancel(link, place).status == "cancelled"
    assert follow(link, base, spec["id"], heard).over


def test_one_that_does_not_end(scripted, settings, monkeypatch):
    monkeypatch.setattr(canceling, "CANCEL_SECONDS", 0.0)
    stuck = scripted("stuck", stdout=json.dumps({"job": {"id": "0123abcd", "status": "running"}}))
    with Link(stuck, settings) as link, pytest.raises(DgopsError, match="0123abcd on stuck is still running"):
        cancel(link, Place(stuck, "/base", "0123abcd"))
