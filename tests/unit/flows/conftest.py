"""A repository at home and folders of a host between which edits go, as the tests of syncs have them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "sync"))


@pytest.fixture
def world(tmp_path):
    from world import World

    return World(tmp_path)
