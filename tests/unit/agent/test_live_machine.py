"""Disk, memory, shared memory, wheels and time of the very machine that the tests run on."""

import sys
import time

import pytest

from dgops.agent import live_machine


def test_disk(tmp_path):
    seen = live_machine.disk({"path": str(tmp_path)})
    assert seen["path"] == str(tmp_path)
    assert 0 <= seen["free"] <= seen["total"]
    assert seen["type"] not in ("", "?")


def test_the_mount_that_holds_a_path_is_the_longest():
    assert live_machine.disk({"path": "/proc/self"})["type"] == "proc"
    assert live_machine.shm({})["type"] == live_machine.disk({"path": "/dev/shm"})["type"]


@pytest.mark.parametrize("psutil", [True, False])
def test_memory_with_psutil_and_without(monkeypatch, psutil):
    if not psutil:
        monkeypatch.setitem(sys.modules, "psutil", None)
    seen = live_machine.memory({})
    assert 0 < seen["free"] <= seen["total"]


def test_clock():
    before = time.time()
    assert before <= live_machine.clock({})["time"] <= time.time()


def test_wheels_are_counted(tmp_path):
    (tmp_path / "torch-2.5.1-py3-none-any.whl").touch()
    (tmp_path / "notes.txt").touch()
    seen = live_machine.wheel_cache({"path": str(tmp_path)})
    assert (seen["exists"], seen["writable"], seen["count"]) == (True, True, 1)
    assert live_machine.wheel_cache({"path": str(tmp_path / "none")}) == {"exists": False}
