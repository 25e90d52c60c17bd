"""Files that look like distributions, made as a test wants them."""

import gzip
import sys
from pathlib import Path

import pytest

# Tests here share what a distribution is made of.
sys.path.insert(0, str(Path(__file__).parent))

from distros import GOOD, tar_of


@pytest.fixture
def make_wsl(tmp_path):
    """Return `make_wsl(changes, prefix)`: the path of a good distribution's file with some entries changed."""

    def make(changes=None, prefix="./"):
        path = tmp_path / "distro.wsl"
        path.write_bytes(gzip.compress(tar_of({**GOOD, **(changes or {})}, prefix), 1))
        return path

    return make
