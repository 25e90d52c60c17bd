"""The folder of a run: held while the run lasts, taken away by the next run where a kill left it."""

import os
import tempfile

import pytest

from dgops.deploy import scratch


@pytest.fixture(autouse=True)
def own_temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def left(tmp_path, name, age):
    folder = tmp_path / f"{scratch.PREFIX}{name}"
    folder.mkdir()
    (folder / "ansible.cfg").write_text("")
    born = folder.stat().st_mtime - age
    os.utime(folder, (born, born))
    return folder


def test_it_goes_at_the_end():
    with scratch.folder() as found:
        assert found.is_dir()
    assert not found.exists()


def test_what_a_kill_left_behind_goes(tmp_path):
    old, young = left(tmp_path, "old", 600), left(tmp_path, "young", 1)
    scratch.sweep()
    assert not old.exists()
    assert young.exists(), "it may not have been locked yet"


def test_a_held_one_stays_however_old(tmp_path):
    with scratch.folder() as found:
        os.utime(found, (0, 0))
        scratch.sweep()
        assert found.is_dir()


def test_a_link_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / f"{scratch.PREFIX}link"
    link.symlink_to(elsewhere)
    os.utime(link, (0, 0), follow_symlinks=False)
    scratch.sweep()
    assert elsewhere.is_dir()
