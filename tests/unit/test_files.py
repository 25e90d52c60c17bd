"""Files that are whole or absent."""

import os
import stat

import pytest

from dgops import files


def test_atomic_write_makes_folders_and_sets_mode(tmp_path):
    path = tmp_path / "a/b.txt"
    files.write_atomic(path, "x", mode=0o600)
    assert path.read_text() == "x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_atomic(path, "new")
    assert path.read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["f", "home"]


def test_digest_of_files_knows_names_and_contents(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    both = [tmp_path / "b", tmp_path / "a"]
    first = files.digest_files(tmp_path, both)
    assert first == files.digest_files(tmp_path, reversed(both))
    (tmp_path / "a").rename(tmp_path / "c")
    assert first != files.digest_files(tmp_path, [tmp_path / "c", tmp_path / "b"])
