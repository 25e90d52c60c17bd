"""Which file systems are a network's: from tables of mounts, and from this machine's own."""

import json
from pathlib import Path

import pytest

from dgops.agent import mounts

CASES = json.loads((Path(__file__).parents[2] / "cases/wheels/mounts.json").read_text())


@pytest.mark.parametrize("path", CASES["paths"])
def test_cases(path):
    kind = mounts.filesystem(path, "\n".join(CASES["mounts"]))
    assert [kind, mounts.is_network(kind)] == CASES["paths"][path]


def test_this_machine():
    assert mounts.filesystem("/proc/self") == "proc"


def test_nothing_fits():
    assert mounts.filesystem("/x", "") == "?"
    assert not mounts.is_network("?")


def test_a_real_file_system_in_user_space(in_user_space, tmp_path):
    mounted = in_user_space(tmp_path / "target")
    assert mounts.is_network(mounts.filesystem(str(mounted / "wheels")))
