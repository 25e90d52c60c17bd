"""Files opened name by name: a link in the way ends it, also one that appears while we look."""

import os

import pytest

from dgops.agent import beneath


def test_a_link_on_the_way_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    os.close(beneath.open_folder(str(tmp_path / "real")))
    with pytest.raises(beneath.Refused, match="link is a link"):
        beneath.open_folder(str(tmp_path / "link"))
    with pytest.raises(FileNotFoundError):
        beneath.open_folder(str(tmp_path / "none"))


def test_an_open_folder_stays_itself_when_its_name_is_given_to_a_link(tmp_path):
    (tmp_path / "map").mkdir()
    (tmp_path / "map/a").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_text("theirs")
    here = beneath.open_folder(str(tmp_path / "map"))
    os.rename(tmp_path / "map", tmp_path / "moved")
    os.symlink("out", tmp_path / "map")
    try:
        assert beneath.hash_file(here, "a")[0] == beneath.blob_id(b"mine")
    finally:
        os.close(here)


def test_a_file_that_is_written_while_it_is_read_is_not_believed(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("x")
    real = os.fstat
    count = iter(range(100))

    def restless(descriptor):
        os.utime(tmp_path / "a", ns=(0, next(count)))
        return real(descriptor)

    here = beneath.open_folder(str(tmp_path))
    monkeypatch.setattr(beneath.os, "fstat", restless)
    try:
        with pytest.raises(beneath.Refused, match="being written"):
            beneath.hash_file(here, "a")
    finally:
        monkeypatch.undo()
        os.close(here)


def test_state_of_a_name(tmp_path):
    (tmp_path / "run").write_text("x")
    (tmp_path / "run").chmod(0o700)
    (tmp_path / "link").symlink_to("run")
    (tmp_path / "folder").mkdir()
    here = beneath.open_folder(str(tmp_path))
    try:
        assert beneath.read_state(here, "run") == ("100755", beneath.blob_id(b"x"))
        assert beneath.read_state(here, "link") == ("120000", beneath.blob_id(b"run"))
        assert beneath.read_state(here, "folder") == ("", "")
        assert beneath.read_state(here, "none") is None
    finally:
        os.close(here)


def test_a_file_that_grows_for_ever_is_given_up(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"x" * 10)
    asked = []

    class Endless:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def read(self, count):
            asked.append(count)
            return b"x" * count

    monkeypatch.setattr(beneath.os, "fdopen", lambda descriptor, _mode: Endless())
    here = beneath.open_folder(str(tmp_path))
    with pytest.raises(beneath.Refused, match="being written"):
        beneath.hash_file(here, "a")
    assert asked == [11] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_a_folder_that_is_made_belongs_to_its_parents_owner(tmp_path):
    os.chown(tmp_path, 65534, 65534)
    os.close(beneath.open_folder(str(tmp_path / "a/b"), make=True))
    assert (tmp_path / "a/b").stat().st_uid == 65534
