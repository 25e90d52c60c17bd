"""Scratch folders: gone afterwards, swept after a kill, never while another uses them."""

import os
import subprocess
import sys

from dgops.agent import scratch

HOLD = (
    "import sys; from dgops.agent.scratch import scratch\nwith scratch(sys.argv[1]): print('in', flush=True); input()"
)


def test_it_is_gone_afterwards(tmp_path):
    with scratch.scratch(str(tmp_path)) as folder:
        assert os.path.dirname(folder) == str(tmp_path)
        assert scratch.stale(str(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_living_process_keeps_its_own_and_a_killed_one_loses_it(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "in\n"
    (folder,) = tmp_path.iterdir()
    os.utime(folder, (0, 0))
    assert scratch.sweep(str(tmp_path)) == [], "however long it takes"
    child.kill()
    child.communicate(timeout=20)
    assert scratch.sweep(str(tmp_path)) == [folder.name]
    assert list(tmp_path.iterdir()) == []


def test_another_machines_are_left_for_an_hour(tmp_path):
    old, new, used = (tmp_path / f"{scratch.PREFIX}{mark}-1-1-x" for mark in ("00000000", "11111111", "22222222"))
    for folder in (old, new, used):
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / "part").touch()
    for path in (old / "inner/part", old / "inner", old, used / "inner", used):
        os.utime(path, (0, 0))
    assert scratch.sweep(str(tmp_path)) == [old.name]
    assert sorted(tmp_path.iterdir()) == [new, used]


def test_files_and_links_go_too(tmp_path):
    name = scratch.PREFIX + "notes"
    (tmp_path / name).touch()
    (tmp_path / "kept").touch()
    (tmp_path / f"{name}2").symlink_to(tmp_path / "kept")
    os.utime(tmp_path / name, (0, 0))
    os.utime(tmp_path / f"{name}2", (0, 0), follow_symlinks=False)
    assert scratch.sweep(str(tmp_path)) == [name, f"{name}2"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
