"""One run at a time."""

import json
import os
import signal
import subprocess
import sys

import pytest

from dgops.dataset import lock
from dgops.errors import BusyError

HOLDER = """
import sys, time
from pathlib import Path
from dgops.dataset import lock
with lock.hold(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    argv = [sys.executable, "-c", HOLDER, str(tmp_path / "l")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_second_says_who_holds_it(tmp_path, holder):
    with (
        pytest.raises(BusyError, match=rf"process {holder.pid} on .* outputs/amira"),
        lock.hold(tmp_path / "l", "outputs/amira"),
    ):
        pass


def test_a_killed_holder_frees_it(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(10)
    with lock.hold(tmp_path / "l", "it"):
        assert json.loads((tmp_path / "l").read_text())["pid"] == os.getpid()
    assert not (tmp_path / "l").exists()


def test_it_is_freed_by_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), lock.hold(tmp_path / "l", "it"):
        raise ZeroDivisionError
    with lock.hold(tmp_path / "l", "it"):
        pass


def test_rubbish_in_the_file_names_nobody(tmp_path, holder):
    (tmp_path / "l").write_text("x")
    with pytest.raises(BusyError, match="another run is at work"), lock.hold(tmp_path / "l", "it"):
        pass
