"""What is said of a wheel cache."""

import pytest

from dgops.health.judge_wheels import wheels

GOOD = {"unknown": [], "missing": [], "touched": [], "count": 12}


@pytest.mark.parametrize(
    ("seen", "observed"),
    [
        ({}, "12 files"),
        ({"unknown": ["uv"]}, "the lock uv was not fetched"),
        ({"missing": ["a.whl"]}, "a.whl is missing"),
        ({"touched": ["a.whl"]}, "a.whl was changed"),
        ({"missing": ["a.whl"], "touched": ["b.whl", "c.whl"]}, "a.whl is missing and 2 more"),
    ],
)
def test_wheels(seen, observed):
    verdict = wheels({"path": "/w", "locks": {"uv": "00", "runtime": "11"}}, {**GOOD, **seen})
    assert verdict == (not seen, "the wheels of runtime, uv", observed)
