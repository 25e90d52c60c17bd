"""Checks as data: read, refused with every mistake, and written back."""

import pytest

from dgops.errors import ConfigError
from dgops.health import check

GOOD = {"role": "user", "name": "seanf exists", "kind": "state", "type": "user", "user": "seanf", "mend": "deploy"}


def test_round_trip():
    loaded = check.load([GOOD], "x")
    assert [check.dump(one) for one in loaded] == [GOOD]
    assert loaded[0].request() == {"kind": "state", "type": "user", "user": "seanf"}


def test_state_is_the_default_kind():
    entry = {key: value for key, value in GOOD.items() if key != "kind"}
    assert check.load([entry], "x")[0].kind == "state"


def test_every_mistake_at_once():
    wrong = [
        {**GOOD, "type": "usr"},
        {**GOOD, "kind": "lively"},
        {"role": "r", "name": "n", "type": "file", "mod": "0440"},
    ]
    with pytest.raises(ConfigError) as caught:
        check.load(wrong, "roles/r/checks.yml")
    assert len(caught.value.problems) == 4
    assert "roles/r/checks.yml: r: n: mod is not a key of file" in caught.value.problems
