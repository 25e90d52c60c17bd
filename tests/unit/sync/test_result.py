"""The result: what is well, which exit code, which shape."""

from pathlib import Path

import pytest

from dgops.errors import UnreachableError
from dgops.sync.host_side import Skipped
from dgops.sync.maps import Map, Shared
from dgops.sync.reconcile import Change
from dgops.sync.result import Refusal, Result, exit_code, to_json

SHARED = Shared("pod", Path("/x/isengard"), (Map("api", "pod", "/app", Path("/x/isengard"), "api"),))


def result(outcome="parity", parity=True, **more):
    return Result(SHARED, outcome, parity, **more)


AWAY = result("unreachable", False, error=UnreachableError("gone"))
CODES = [
    ([result()], 0),
    ([result("pulled"), result("pushed"), result("merged")], 0),
    ([result("pulled", False)], 1),
    ([result(skipped=(Skipped("a", "too large", False),))], 0),
    ([result("pulled", skipped=(Skipped("a", "a spelling of .git", True),))], 1),
    ([result("conflict", False, error=Refusal("x"))], 1),
    ([result("fresh", False)], 1),
    ([AWAY], 3),
    ([AWAY, result()], 3),
    ([AWAY, result("fresh", False)], 1),
    ([result("pulled", False, error=UnreachableError("cut"))], 3),
]


@pytest.mark.parametrize(("results", "code"), CODES)
def test_exit_codes(results, code):
    assert exit_code(results, looking=False) == code
    assert to_json(results, looking=False)["ok"] == (code == 0)


def test_a_look_that_finds_differences_is_good():
    assert exit_code([result("pulled", False)], looking=True) == 0
    assert exit_code([result("fresh", False)], looking=True) == 1


def test_json_is_as_documented():
    one = result("pulled", commit="c", base="b", changes=(Change("M", "api/x"),), local_tree="t", host_tree="t")
    assert to_json([one], looking=False) == {
        "ok": True,
        "repos": {
            "pod/isengard": {
                "outcome": "pulled",
                "parity": True,
                "commit": "c",
                "branch": None,
                "files": [{"change": "M", "path": "api/x"}],
                "pushed": [],
                "skipped": [],
                "base": "b",
                "local_tree": "t",
                "host_tree": "t",
                "maps": ["api"],
                "states": {},
                "error": None,
            }
        },
    }
