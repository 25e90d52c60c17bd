"""Which file systems are a network's: from tables of mounts, and from this machine's own."""

import json
import os
import shutil
import subprocess
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


def test_a_real_file_system_in_user_space(tmp_path):
    program = shutil.which("bindfs")
    if program is None or os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("a FUSE mount needs root, /dev/fuse and bindfs (apt-get install bindfs)")
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    subprocess.run([program, source, target], check=True, timeout=20)
    try:
        assert mounts.is_network(mounts.filesystem(str(target / "wheels")))
    finally:
        subprocess.run(["umount", target], check=True, timeout=20)
