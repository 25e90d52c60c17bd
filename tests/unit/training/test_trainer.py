"""The trainers that there are, and the page of what they are known to do to people."""

import ast
import json
import re
from pathlib import Path

import pytest

from dgops.errors import UsageError
from dgops.training import trainer

TESTS = Path(__file__).parents[2]
TRAPS = json.loads((TESTS / "cases/training/traps.json").read_text())


def test_a_name_that_is_none_is_answered_with_near_ones():
    with pytest.raises(UsageError, match="no trainer is known as 'sdscripts'") as caught:
        trainer.get("sdscripts")
    assert caught.value.hint == "did you mean sd-scripts?"


def test_every_trap_of_the_page_has_its_tests():
    page = (TESTS.parent / "docs/trainers.md").read_text().partition("## Traps\n")[2]
    rows = re.findall(r"^\| (.+?) \| .+ \|$", page, re.MULTILINE)
    assert rows[0] == "trap"
    assert rows[1:] == list(TRAPS)


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_held_by_tests_that_exist(trap):
    assert TRAPS[trap]
    for one in TRAPS[trap]:
        path, _, name = one.partition("::")
        found = [node.name for node in ast.walk(ast.parse((TESTS / path).read_text())) if hasattr(node, "name")]
        assert name in found, one
