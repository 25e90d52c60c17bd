"""One at a time, whoever comes when the other goes; nothing stays behind."""

import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from dgops.errors import BusyError
from dgops.training import locks

PROGRAM = """
import sys, tempfile, time
from dgops.errors import BusyError
from dgops.training import locks
tempfile.tempdir = sys.argv[1]
with locks.held("x", BusyError, "0123abcd"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "locks").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "locks"))
    monkeypatch.setattr(locks, "LOOK_SECONDS", 0.001)
    return tmp_path / "locks"


def held(what="x", holder="", seconds=0.0):
    return locks.held(what, lambda word: BusyError(f"held by {word or 'nobody known'}", "wait"), holder, seconds)


def test_who_holds_it_is_told_and_another_thing_is_free():
    with held(holder="0123abcd"), held("y"), pytest.raises(BusyError, match="held by 0123abcd"), held():
        pass


def test_nothing_stays_behind(folder):
    with held("x"), held("y"):
        assert len(list(folder.iterdir())) == 2
    assert list(folder.iterdir()) == []
    with pytest.raises(ZeroDivisionError), held():
        _ = 1 / 0
    assert list(folder.iterdir()) == []


def test_a_killed_holder_keeps_nobody_out(folder):
    argv = [sys.executable, "-c", PROGRAM, folder]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as running:
        assert running.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match="held by 0123abcd"), held():
            pass
        running.kill()
    with held(holder="next"):
        (path,) = folder.iterdir()
        assert path.read_text() == "next"
    assert list(folder.iterdir()) == []


def test_one_at_a_time_though_the_file_comes_and_goes():
    """A file that is taken away while another waits for it is nobody's lock: both would hold one then."""
    inside, most, turns = [], [], []

    def work(number):
        for _ in range(50):
            with held(seconds=30):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)
            turns.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert (len(turns), max(most)) == (200, 1)


def test_a_file_that_went_between_its_opening_and_its_lock_is_none(monkeypatch):
    """The one who opened it held a lock that nobody else could see."""
    real, stack = locks.fcntl.flock, ExitStack()

    def flock(stream, how):
        monkeypatch.setattr(locks.fcntl, "flock", real)
        Path(stream.name).unlink()
        stack.enter_context(held(holder="the quick one"))
        real(stream, how)

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    with stack, pytest.raises(BusyError, match="held by the quick one"), held():
        pass
