"""Notes of a cache: believed until a file is touched, kept over two writers, read from a hostile folder."""

import os

import pytest
from wheel_house import build

from dgops.agent import wheel_notes
from dgops.agent.wheel_notes import Notes


@pytest.fixture
def cache(tmp_path):
    build(tmp_path / "cache", "one")
    build(tmp_path / "cache", "two")
    return tmp_path / "cache"


ONE, TWO = "one-1.0-py3-none-any.whl", "two-1.0-py3-none-any.whl"


def saved(notes):
    notes.save(os.path.join(notes.cache, ".new"))


def test_what_is_saved_is_read_again(cache):
    notes = Notes(str(cache))
    notes.note(ONE, "aa")
    notes.note_lock("digest", [ONE])
    notes.note_seeds([TWO])
    assert notes.changed()
    saved(notes)
    again = Notes(str(cache))
    assert (again.believed(ONE), again.believed(TWO)) == ("aa", None)
    assert (again.wheels("digest"), again.wheels("other"), again.seeds) == ([ONE], None, [TWO])
    again.note(ONE, "aa")
    again.note_lock("digest", [ONE])
    assert not again.changed()
    again.forget(ONE)
    saved(again)
    assert Notes(str(cache)).believed(ONE) is None


def test_two_writers_keep_each_others_notes(cache):
    first, second = Notes(str(cache)), Notes(str(cache))
    first.note(ONE, "aa")
    second.note(TWO, "bb")
    saved(first)
    saved(second)
    assert set(Notes(str(cache)).files) == {ONE, TWO}


@pytest.mark.parametrize(
    "plant",
    [
        lambda path: path.symlink_to("/dev/zero"),
        os.mkfifo,
        lambda path: path.mkdir(),
        lambda path: path.write_text('{"locks": {"x": ["../../etc/passwd", 3, "a\\u0000b"]}, "files": {"..": 1}}'),
    ],
    ids=["a link", "a pipe", "a folder", "names elsewhere"],
)
def test_a_hostile_folder(cache, plant):
    plant(cache / wheel_notes.NAME)
    notes = Notes(str(cache))
    assert notes.files == {}
    assert wheel_notes.seen({"path": str(cache), "locks": {"app": "00"}})["unknown"] == ["app"]


def test_a_windows_drive_takes_no_modes(tmp_path, monkeypatch):
    """There every file is another user's, and everybody's."""

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    file = tmp_path / "file"
    file.write_text("x")
    file.chmod(0o600)
    with file.open() as stream:
        wheel_notes.show_to_all(stream.fileno())
        assert file.stat().st_mode & 0o777 == 0o644
        monkeypatch.setattr("os.fchmod", refuse)
        wheel_notes.show_to_all(stream.fileno())
