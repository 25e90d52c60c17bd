"""A host's readiness: its contract, its folder and its user."""

import json

import pytest

from dgops.errors import DgopsError
from dgops.health import contract as contracts
from dgops.health.check import Check
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.jobs import ready
from dgops.jobs.link import Link


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


VENV = Check("python_env", ".venv is as its lock says", "state", "venv", {"path": "/v", "lock": "/l"})
LINK = Check("dgops_runtime", "dgops is on the path", "state", "link", {"path": "/d", "target": "/t"})
DRIFTED = {"seen": {"exists": True, "findings": ["x.py was added", "y\nz"], "total": 30, "count": 7, "hashed": 1}}
WHOLE = {"seen": {"exists": True, "findings": [], "total": 0, "count": 7, "hashed": 0}}
THERE = {"seen": {"exists": True, "kind": "link", "target": "/t"}}


@pytest.fixture
def require(settings):
    """Return `require(*observations, **more)`: what is required of a host whose venv and link look so."""

    def ask(*observations, **more):
        kept = Contract("pod", (VENV, LINK), {}, "fast-test", "a1", "now", "me", "/workspace", "")
        contracts.save(kept, settings.state)
        answer = {"facts": {}, "marker": {"id": kept.id}, "observations": observations}
        row = {"argv": ["sh"], "stdout": json.dumps(answer)}
        with Link(Host("pod", "fake", variables={"dgops_fake_answers": [row]}), settings) as link:
            return ready.require_ready(link, **more)

    return ask


@pytest.mark.parametrize("allow_drift", [False, True])
def test_a_host_that_holds(require, allow_drift):
    found = require(WHOLE, THERE, allow_drift=allow_drift)
    assert found.attest == {"/v": {"holds": True, "findings": [], "count": 0}}


def test_a_venv_that_drifted_keeps_a_job_away_unless_it_is_allowed(require):
    with pytest.raises(DgopsError, match=r"x\.py was added and 29 more") as caught:
        require(DRIFTED, THERE)
    assert "--allow-drift" in caught.value.hint
    found = require(DRIFTED, THERE, allow_drift=True)
    assert found.attest == {"/v": {"holds": False, "findings": ["x.py was added", "y z"], "count": 30}}


def test_only_venvs_may_drift(require):
    for venv in (DRIFTED, WHOLE):
        with pytest.raises(DgopsError, match="dgops is on the path") as caught:
            require(venv, {"seen": {"exists": False}}, allow_drift=True)
        assert "--allow-drift" not in caught.value.hint


@pytest.mark.parametrize(
    "seen",
    [
        {"error": "FileNotFoundError: /l"},
        {"seen": {"exists": False}},
        {"seen": {"exists": True, "findings": 7, "total": 3, "count": 1}},
        {"seen": None},
        {"seen": {"exists": True, "findings": [], "total": 3, "count": 1}},
        {"seen": {"exists": True, "findings": ["x"], "total": "many", "count": 1}},
    ],
)
def test_whatever_a_host_answers_is_recorded_as_drift(require, seen):
    with pytest.raises(DgopsError):
        require(seen, THERE)
    (one,) = require(seen, THERE, allow_drift=True).attest.values()
    assert (one["holds"], len(one["findings"]), one["count"]) == (False, 1, 1)
