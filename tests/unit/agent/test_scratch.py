"""Scratch folders: gone afterwards, swept after a kill, never while another uses them."""

import os
import subprocess
import sys

import pytest

from dgops.agent import scratch

HOLD = (
    "import sys; from dgops.agent.scratch import scratch\nwith scratch(sys.argv[1]): print('in', flush=True); input()"
)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "folder"
    made.mkdir()
    return made


def test_it_is_gone_afterwards(folder):
    with scratch.scratch(str(folder)) as made:
        assert os.path.dirname(made) == str(folder)
        assert scratch.stale(str(folder)) == []
    assert list(folder.iterdir()) == []


def test_a_living_process_keeps_its_own_and_a_killed_one_loses_it(folder):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "in\n"
    (left,) = folder.iterdir()
    os.utime(left, (0, 0))
    assert scratch.sweep(str(folder)) == [], "however long it takes"
    child.kill()
    child.communicate(timeout=20)
    assert scratch.sweep(str(folder)) == [left.name]
    assert list(folder.iterdir()) == []


def test_another_machines_are_left_for_an_hour(folder):
    old, new, used = (folder / f"{scratch.PREFIX}{mark}-1-1-x" for mark in ("00000000", "11111111", "22222222"))
    for top in (old, new, used):
        (top / "inner").mkdir(parents=True)
        (top / "inner" / "part").touch()
    for path in (old / "inner/part", old / "inner", old, used / "inner", used):
        os.utime(path, (0, 0))
    assert scratch.sweep(str(folder)) == [old.name]
    assert sorted(folder.iterdir()) == [new, used]


def test_files_and_links_go_too(folder):
    name = scratch.PREFIX + "notes"
    (folder / name).touch()
    (folder / "kept").touch()
    (folder / f"{name}2").symlink_to(folder / "kept")
    os.utime(folder / name, (0, 0))
    os.utime(folder / f"{name}2", (0, 0), follow_symlinks=False)
    assert scratch.sweep(str(folder)) == [name, f"{name}2"]
    assert [path.name for path in folder.iterdir()] == ["kept"]
