"""Judging: cases as data, a wanted value against what was seen."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dgops.health.check import LIVE_KEYS, STATE_KEYS, Check
from dgops.health.judge import JUDGES, judge

KEYS = [
    "exists",
    "findings",
    "wrong",
    "count",
    "kind",
    "mode",
    "owner",
    "gpus",
    "free",
    "total",
    "type",
    "version",
    "status",
    "missing",
    "values",
    "rc",
]
CASES = json.loads((Path(__file__).parents[2] / "cases/judge.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case):
    kind = "live" if case["type"] in LIVE_KEYS else "state"
    check = Check("role", "it holds", kind, case["type"], case["wanted"])
    result = judge(check, case["observation"], case.get("mode", "production"))
    assert (result.outcome.value, result.expected, result.observed) == tuple(case["result"])


def test_every_type_has_a_judge_and_a_case():
    assert set(JUDGES) == set(STATE_KEYS) | set(LIVE_KEYS)
    assert {case["type"] for case in CASES} == set(JUDGES)


# A busy machine takes its time to draw texts.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    check_type=st.sampled_from(sorted(JUDGES)),
    seen=st.dictionaries(
        st.sampled_from(KEYS), st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
    ),
)
def test_no_answer_of_a_host_breaks_the_judge(check_type, seen):
    wanted = next(case["wanted"] for case in CASES if case["type"] == check_type)
    kind = "live" if check_type in LIVE_KEYS else "state"
    for observation in ({"seen": seen}, {"seen": None}, {}, {"error": seen}):
        result = judge(Check("r", "n", kind, check_type, wanted), observation, "production")
        assert isinstance(result.observed, str)
