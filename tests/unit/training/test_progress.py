"""What lines of real trainers say: cases are data, made by tqdm and rich as the trainers call them."""

import json
import math
from pathlib import Path

import pytest

from dgops.training import progress

CASES = json.loads((Path(__file__).parents[2] / "cases/training/progress.json").read_text())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_line(case):
    found = getattr(progress, case["trainer"])(case["line"])
    if case["says"] is None:
        assert found is None
        return
    for key, value in case["says"].items():
        got = getattr(found, key)
        if value == "nan":
            assert math.isnan(got)
        else:
            assert got == (
                pytest.approx(float(value)) if isinstance(value, float | int) or value == "inf" else value
            ), key
