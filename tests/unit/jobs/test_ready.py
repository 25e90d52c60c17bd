"""A host's readiness: its contract, its folder and its user."""

import pytest

from dgops.errors import DgopsError
from dgops.hosts.host import Host
from dgops.jobs import ready


def test_where_jobs_lie(here, settings, base):
    assert ready.base_of(ready.deployed(here, settings)) == base
    with pytest.raises(DgopsError, match="other is not ready"):
        ready.deployed(Host("other"), settings)


def test_who_they_run_as():
    assert ready.work_user(Host("pod")) == "seanf"
    assert ready.work_user(Host("pod", variables={"user__name": "ann"})) == "ann"


def test_what_does_not_hold_is_listed(link):
    with pytest.raises(DgopsError) as caught:
        ready.require_ready(link)
    assert "carries this controller's contract: " in caught.value.message
    assert caught.value.hint == "dgops deploy --host here"


def test_a_host_that_was_never_deployed_from_here(settings):
    with pytest.raises(DgopsError, match="never deployed") as caught:
        ready.deployed(Host("bare"), settings)
    assert caught.value.hint == "dgops deploy --host bare"
