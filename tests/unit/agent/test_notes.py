"""Notes for everybody on the host: whole or not there, readable, and no larger than they may be."""

import os

import pytest

from dgops.agent import notes


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(notes, "FOLDER", str(tmp_path / "run"))
    return tmp_path / "run"


def test_anybody_may_read_them_whatever_the_mask(folder):
    before = os.umask(0o077)
    try:
        notes.write("one.json", "{}")
        notes.append("one.log", ["a", "b"])
    finally:
        os.umask(before)
    assert [one.stat().st_mode & 0o777 for one in (folder, *sorted(folder.iterdir()))] == [0o755, 0o644, 0o644]
    assert [line.partition(" ")[2] for line in (folder / "one.log").read_text().splitlines()] == ["a", "b"]


@pytest.mark.parametrize("content", ["", "[]", "{", "null", '"x"'])
def test_what_is_no_object_is_no_record(folder, content):
    assert notes.record("one.json") is None
    notes.write("one.json", content)
    assert notes.record("one.json") is None


def test_a_note_that_cannot_be_written_leaves_the_last_one(folder, monkeypatch):
    notes.write("one.json", '{"a": 1}')

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "chmod", lambda path, mode: full() if path.endswith(".new") else None)
    with pytest.raises(OSError, match="No space"):
        notes.write("one.json", '{"a": 2}')
    assert ([one.name for one in folder.iterdir()], notes.record("one.json")) == (["one.json"], {"a": 1})


def test_a_log_that_is_full_makes_room_for_what_is_new(folder, monkeypatch):
    monkeypatch.setattr(notes, "MOST_LOG", 100)
    for number in range(100):
        notes.append("one.log", [f"{'x' * 20} {number}"])
    assert sum(one.stat().st_size for one in folder.iterdir()) < 400
    assert {one.name for one in folder.iterdir()} == {"one.log", "one.log.1"}
    assert "x 99\n" in (folder / "one.log").read_text()


def test_what_is_not_there_can_be_removed(folder):
    notes.write("one.json", "{}")
    notes.remove("one.json", "two.json")
    assert list(folder.iterdir()) == []
