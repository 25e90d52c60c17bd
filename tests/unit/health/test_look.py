"""Looking at hosts: the contract is judged in one round trip, and who cannot be seen is a result."""

import json

import pytest

from dgops import settings as settings_room
from dgops.health import contract as contracts
from dgops.health import look as look_module
from dgops.health.check import Check, Outcome
from dgops.health.contract import Contract
from dgops.health.judge import judge
from dgops.health.look import look_at, look_at_all
from dgops.hosts.host import Host


@pytest.fixture
def kept():
    found = Contract(
        host="pod",
        checks=(
            Check("user", "seanf exists", "state", "user", {"user": "seanf", "shell": "/bin/bash"}),
            Check("dgops_runtime", "a GPU", "live", "gpu", {}),
        ),
        roles={},
        mode="fast-test",
        commit="a1b2c3d",
        deployed_at="2026-01-01T00:00:00+00:00",
        deployed_by="me@here",
        persistent_root="/workspace",
        runtime="/home/seanf/.runtime-venv",
    )
    contracts.save(found, settings_room.load().state)
    return found


def answering(marker, shell="/bin/bash", count=2):
    user = {"exists": True, "shell": shell, "groups": "seanf"}
    answer = {
        "facts": {},
        "marker": marker,
        "observations": [{"seen": user}, {"seen": {"gpus": []}}][:count],
        "state_seconds": 0.01,
    }
    script = [{"argv": ["sh"], "stdout": json.dumps(answer)}]
    return Host("pod", "fake", variables={"dgops_fake_answers": script})


def marked(contract):
    return {"id": contract.id, "commit": "", "deployed_at": "then", "deployed_by": "you"}


def test_all_holds(kept):
    found = look_at(answering(marked(kept)), settings_room.load())
    assert found.outcome is Outcome.PASS
    assert [one.outcome.value for one in found.results] == ["pass", "pass", "skip"]


def test_drift(kept):
    found = look_at(answering(marked(kept), shell="/bin/sh"), settings_room.load())
    assert found.outcome is Outcome.FAIL
    assert [(one.expected, one.observed) for one in found.failures()] == [("shell /bin/bash", "shell /bin/sh")]


@pytest.mark.parametrize(
    ("marker", "words"),
    [(None, "the host is fresh"), ({"id": "f" * 64, "deployed_at": "then", "deployed_by": "you"}, "by you at then")],
)
def test_a_marker_that_is_not_ours(kept, marker, words):
    found = look_at(answering(marker), settings_room.load())
    assert found.outcome is Outcome.FAIL
    assert words in found.failures("state")[0].observed


@pytest.mark.parametrize(("ahead", "outcome"), [(0, Outcome.PASS), (-90, Outcome.FAIL), (3600, Outcome.FAIL)])
def test_the_clock_is_compared_with_ours(ahead, outcome):
    # Asked at 100, answered at 103; the host worked for one second in between.
    seen = look_module._clock([101.0 + ahead, 102.0 + ahead], 100.0, 103.0)
    result = judge(Check("base", "the clock", "live", "clock", {"max_skew": 10}), seen, "production")
    assert result.outcome is outcome
    assert seen["seen"] == {"offset": ahead, "within": 1.0}


@pytest.mark.parametrize("seen", [None, [], [1], ["a", "b"], [float("nan")] * 2, [10**400, 1], {"a": 1}, [-1, 1]])
def test_a_host_that_does_not_tell_the_time(seen):
    assert look_module._clock(seen, 0, 1) == {"error": "the host does not tell the time"}


@pytest.mark.parametrize("number", [-1, "x", None, float("nan"), 10**400])
def test_numbers_that_no_machine_has_are_not_shown(number):
    assert look_module._disk({"path": "/", "type": "x", "free": number, "total": 5}) is None
    assert not look_module._is_shown("gpu", {"gpus": [{"name": "x", "free": number, "total": 5}]})
    assert not look_module._is_shown("memory", {"free": 1, "total": number})


def test_never_deployed():
    found = look_at(answering(None, count=0), settings_room.load())
    assert found.outcome is Outcome.FAIL
    assert found.results[0].observed == "this controller never deployed it"


def test_unreachable_is_a_result_and_hides_nobody(kept):
    gone = {"dgops_fake_answers": [{"argv": ["sh"], "unreachable": "no route"}]}
    hosts = [Host("gone", "fake", variables=gone), answering(marked(kept))]
    found = list(look_at_all(hosts, settings_room.load(), 4))
    assert [(one.host, one.outcome) for one in found] == [("gone", Outcome.ERROR), ("pod", Outcome.PASS)]
    assert found[0].error.message == "gone: no route"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"facts": {}, "marker": None, "observations": []},
        {"facts": {}, "marker": "x", "observations": [{}, {}]},
        {"facts": [], "marker": None, "observations": [{}, {}]},
        {"facts": {}, "marker": None, "observations": [1, 2]},
    ],
)
def test_a_host_that_answers_rubbish_is_an_error(kept, answer):
    script = [{"argv": ["sh"], "stdout": json.dumps(answer)}]
    found = look_at(Host("pod", "fake", variables={"dgops_fake_answers": script}), settings_room.load())
    assert found.outcome is Outcome.FAIL
    assert "something else" in found.error.message


def test_a_damaged_contract_fails(kept):
    contracts.path_of(settings_room.load().state, "pod").write_text("{")
    found = look_at(answering(None), settings_room.load())
    assert found.outcome is Outcome.FAIL
    assert "damaged" in found.error.message


@pytest.mark.parametrize(
    "seen", [[1], {"gpus": "x"}, {"gpus": [{"name": 1, "total": 1, "free": 1}]}, {"gpus": {}}, None]
)
def test_what_the_table_reads_has_its_shape(kept, seen):
    answer = {"facts": {}, "marker": marked(kept), "observations": [{"seen": {"exists": False}}, {"seen": seen}]}
    script = [{"argv": ["sh"], "stdout": json.dumps(answer)}]
    found = look_at(Host("pod", "fake", variables={"dgops_fake_answers": script}), settings_room.load())
    assert found.facts["live"] == {}


def test_a_marker_cannot_forge_lines(kept):
    forged = {"id": "x", "deployed_by": "you\npod2  pass  20/20", "deployed_at": "y" * 100_000}
    found = look_at(answering(forged), settings_room.load()).results[0].observed
    assert "\n" not in found
    assert len(found) <= 300
