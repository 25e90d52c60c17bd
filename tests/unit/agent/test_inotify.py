"""The kernel's word, on real folders."""

import os
import threading
import time

import pytest

from dgops.agent.inotify import Inotify, Unwatchable


@pytest.fixture
def watched(tmp_path):
    """A queue that watches one folder."""
    watch, folder = Inotify(), os.open(tmp_path, os.O_RDONLY)
    watch.watch(folder)
    yield watch
    os.close(folder)
    watch.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "new").write_text("x"),
        lambda folder: (folder / "there").write_text("other"),
        lambda folder: (folder / "there").unlink(),
        lambda folder: (folder / "there").rename(folder / "moved"),
        lambda folder: (folder / "there").chmod(0o755),
        lambda folder: (folder / "below").mkdir(),
        lambda folder: os.symlink("there", folder / "link"),
    ],
)
def test_every_change_is_told_and_told_once(tmp_path, change):
    (tmp_path / "there").write_text("x")
    watch, folder = Inotify(), os.open(tmp_path, os.O_RDONLY)
    watch.watch(folder)
    change(tmp_path)
    assert watch.wait(5)
    assert not watch.wait(0)
    os.close(folder)
    watch.close()


def test_reading_is_no_change(watched, tmp_path):
    (tmp_path / "file").write_text("x")
    assert watched.wait(5)
    (tmp_path / "file").read_text()
    os.listdir(tmp_path)
    assert not watched.wait(0.05)


def test_it_wakes_while_it_waits(watched, tmp_path):
    threading.Timer(0.1, lambda: (tmp_path / "late").write_text("x")).start()
    began = time.monotonic()
    assert watched.wait(30)
    assert time.monotonic() - began < 20


def test_a_folder_that_is_none_cannot_be_watched(tmp_path):
    (tmp_path / "file").write_text("x")
    watch, file = Inotify(), os.open(tmp_path / "file", os.O_RDONLY)
    with pytest.raises(Unwatchable):
        watch.watch(file)
    os.close(file)
    watch.close()
