"""What cases cannot show of judging live checks: the next step that follows from what was seen."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgops.health.check import Check, Outcome
from dgops.health.judge import judge
from dgops.health.judge_live import remedy

LOCKS = Check("git_ssh", "no lock", "live", "git_lock", {"roots": ["/"]}, mend="find the git")


def judged(*locks):
    return judge(LOCKS, {"seen": {"repositories": 1, "locks": list(locks)}}, "production")


def lock(path="/app/.git/index.lock", age=3600, alive=False):
    return {"path": path, "age": age, "alive": alive}


def test_a_lock_that_nobody_holds_is_to_be_taken_away():
    assert judged(lock()).mend == "on the host: rm -f /app/.git/index.lock"
    assert judged(lock("/my app/.git/index.lock")).mend == "on the host: rm -f '/my app/.git/index.lock'"


def test_the_line_to_paste_names_no_lock_that_is_held():
    found = judged(lock("/held/.git/index.lock", alive=True), lock("/young/.git/index.lock", age=5), lock())
    assert found.mend == "on the host: rm -f /app/.git/index.lock"
    assert judged(lock(alive=True)).outcome is Outcome.PASS


@pytest.mark.parametrize("path", ["/a\nrm -rf /", "/a\x1b[2K", "/\u202etxt", "/" + "a" * 300])
def test_no_line_to_paste_with_a_name_that_reads_otherwise(path):
    assert judged(lock(path)).mend == "find the git"


@given(st.text())
def test_no_name_escapes_its_quotes(name):
    import shlex

    line = remedy("git_lock", {"locks": [lock("/" + name)]})
    assert line == "" or shlex.split(line)[-1] == "/" + name


def test_a_model_that_was_never_read_is_read_by_a_deep_look():
    check = Check("base", "m", "live", "model", {"path": "/m", "sha256": "a" * 64}, mend="fetch it again")
    unread = {"seen": {"exists": True, "size": 1, "sha256": None}}
    assert judge(check, unread, "production").mend.startswith("dgops health --deep")
    assert judge(check, {"seen": {"exists": False}}, "production").mend == "fetch it again"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_hold_nothing(number):
    for kind, wanted, seen in (
        ("clock", {"max_skew": 10}, {"offset": number, "within": 0}),
        ("disk", {"path": "/", "min_free_gb": 1}, {"free": -abs(number), "total": 1, "type": "x", "path": "/"}),
    ):
        result = judge(Check("r", "n", "live", kind, wanted), {"seen": seen}, "production")
        assert result.outcome in (Outcome.FAIL, Outcome.ERROR)
