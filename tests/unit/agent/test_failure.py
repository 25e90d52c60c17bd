"""The first failing line, in real output of real tools."""

import json
from pathlib import Path

import pytest

from dgops.agent.failure import first

CASES = sorted(Path(__file__).parents[2].glob("cases/failure/*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path):
    case = json.loads(path.read_text())
    assert first("\n".join(case["output"])) == case["first"]


def test_there_are_cases():
    assert len(CASES) >= 8
