"""The first failing line, in real output of real tools."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.agent.failure import LONGEST, TRACEBACK, first, of_command

CASES = sorted(Path(__file__).parents[2].glob("cases/failure/*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path):
    case = json.loads(path.read_text())
    if "output" in case:
        assert first("\n".join(case["output"])) == case["first"]
    else:
        logs = ["\n".join(case[name]) for name in ("stderr", "stdout")]
        assert of_command(case["argv"], case["code"], logs) == case["first"]


def test_there_are_cases():
    assert len(CASES) >= 30


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from([TRACEBACK, "  File", "X: y", "\x1b[0m", "During handling of the above exception", "a\rb"])
    ),
    st.text(max_size=50),
    st.sampled_from([1, 2, 126, 127, 134, 137, 139, 255]),
)
def test_no_log_breaks_the_reader(lines, text, code):
    found = of_command(["x"], code, ["\n".join([*lines, text]), text])
    assert found
    assert len(found) <= LONGEST
    assert "\n" not in found
