from pathlib import Path

import pytest

from dgops.sandbox.containers import quirks

CASES = Path(__file__).parents[3] / "cases/sandbox/mounts"


@pytest.mark.parametrize(
    ("case", "unified"),
    [("hybrid", "/sys/fs/cgroup/unified"), ("unified", ""), ("legacy", ""), ("named-only", "")],
)
def test_only_a_second_hierarchy_beside_controllers_is_a_quirk(case, unified):
    assert quirks.find_unified((CASES / f"{case}.txt").read_text()) == unified


@pytest.mark.parametrize(
    ("status", "may"),
    [("CapEff:\t000001ffffffffff\n", True), ("CapEff:\t000001fffeffffff\n", False), ("Name:\tx\n", True)],
)
def test_limits_may_be_raised_with_the_capability_alone(status, may):
    assert quirks.may_raise_limits(status) is may


def test_modest_limits_stay_within_the_ones_in_force(monkeypatch):
    monkeypatch.setattr(quirks.resource, "getrlimit", lambda number: (512, 600))
    assert quirks.own_limits() == ("--ulimit", "nofile=600:600", "--ulimit", "nproc=600:600")
