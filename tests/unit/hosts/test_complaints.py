import json
from pathlib import Path

import pytest

from dgops.hosts import complaints

CASES = sorted((Path(__file__).parents[2] / "cases/hosts/complaints").glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_plugin_that_was_meant_speaks(path):
    case = json.loads(path.read_text())
    assert complaints.reason(case["stderr"]) == case["reason"]


def test_anything_else_is_passed_on():
    assert complaints.reason("noise\n[ERROR]: no such thing\n") == "[ERROR]: no such thing"
    assert complaints.reason("only noise") == "only noise"
    assert "said nothing" in complaints.reason("")


def test_what_was_skipped_is_told_once():
    line = '[WARNING]: Skipping unexpected key (hoosts) in group (all), only "vars" is valid'
    assert complaints.skipped(f"{line}\n{line}\n") == [line.removeprefix("[WARNING]: ")]
