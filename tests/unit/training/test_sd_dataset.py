"""sd-scripts' dataset configuration: a schema of its own, that refuses unknown keys as musubi-tuner's does."""

import json
import sys
from pathlib import Path

import pytest

from dgops.errors import DgopsError
from dgops.training import sd_dataset

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CASES = json.loads((Path(__file__).parents[2] / "cases/training/sd_dataset.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_it_takes_and_what_not(case):
    found = sd_dataset.problems(case["config"])
    assert len(found) == len(case["problems"]), found
    for expected, problem in zip(case["problems"], found, strict=True):
        assert expected in problem


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_it_would_not_take_is_never_written(case):
    if case["problems"]:
        with pytest.raises(DgopsError, match="sd-scripts would not take this") as caught:
            sd_dataset.render(case["config"], "head")
        assert all(one in caught.value.message for one in case["problems"])
    else:
        assert tomllib.loads(sd_dataset.render(case["config"], "head")) == case["config"]
