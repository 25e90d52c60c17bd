"""Digests that are remembered: a file that may have changed is read again, whatever hides the change."""

import json
import os
import time

import pytest

from dgops.files import digest_bytes
from dgops.jobs import sums
from dgops.jobs.sums import Sums


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "photos/a.jpg"
    path.parent.mkdir()
    path.write_bytes(b"one")
    return path


@pytest.fixture
def ask(tmp_path, picture, monkeypatch):
    """Return `ask()`: the digest, as a command of its own asks for it; `ask.read` is what was read."""
    read = []
    digest = sums.digest_file
    monkeypatch.setattr(sums, "digest_file", lambda path: read.append(path) or digest(path))

    def asked():
        found = Sums(tmp_path / "state/sums/key.json", forget=True)
        said = found.of("a.jpg", picture, picture.stat())
        found.keep()
        return said

    asked.read = read
    return asked


@pytest.fixture
def later(monkeypatch):
    """Everything was written long ago."""
    monkeypatch.setattr(sums, "TICK", -sums.TICK)


def test_what_has_not_changed_is_read_once(ask, later):
    assert {ask() for _ in range(3)} == {digest_bytes(b"one")}
    assert len(ask.read) == 1


def written(path):
    path.write_bytes(b"two")


def hidden(path):
    """A file that is written over in place with as many bytes, its time of change set back."""
    before = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path):
    other = path.with_name("b.jpg")
    other.write_bytes(b"two")
    before = path.stat()
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def through_a_link(path):
    link = path.with_name("link")
    os.link(path, link)
    hidden(link)


@pytest.mark.parametrize("change", [written, hidden, replaced, through_a_link])
def test_what_has_changed_is_read_again(ask, later, picture, change):
    ask()
    time.sleep(0.02)
    change(picture)
    assert [ask(), ask()] == [digest_bytes(b"two")] * 2
    assert len(ask.read) == 2


def test_what_was_written_a_moment_ago_is_not_believed(ask):
    assert [ask(), ask()] == [digest_bytes(b"one")] * 2
    assert len(ask.read) == 2


def test_what_changes_while_it_is_read_is_not_believed(ask, later, picture, monkeypatch):
    digest = sums.digest_file

    def slow(path):
        found = digest(path)
        time.sleep(0.02)
        picture.write_bytes(b"two")
        return found

    monkeypatch.setattr(sums, "digest_file", slow)
    ask()
    monkeypatch.setattr(sums, "digest_file", digest)
    assert ask() == digest_bytes(b"two")


@pytest.mark.parametrize("words", ["", "{", "[]", '{"a.jpg": 1}', '{"a.jpg": []}', '{"a.jpg": ["x"]}', '{"a.jpg": {}}'])
def test_a_damaged_record_is_none(ask, later, tmp_path, words):
    ask()
    (record,) = (tmp_path / "state/sums").iterdir()
    record.write_text(words)
    assert [ask(), ask()] == [digest_bytes(b"one")] * 2
    assert len(ask.read) == 2


def test_where_nothing_can_be_written_files_are_read(ask, later, tmp_path):
    (tmp_path / "state").write_text("no folder")
    assert [ask(), ask()] == [digest_bytes(b"one")] * 2


@pytest.mark.parametrize("forget", [True, False])
def test_what_nobody_asks_for_any_more(tmp_path, picture, later, forget):
    other = picture.with_name("b.jpg")
    other.write_bytes(b"two")
    kept = tmp_path / "sums.json"
    for asked in ((picture, other), (picture,)):
        found = Sums(kept, forget=forget)
        for path in asked:
            found.of(path.name, path, path.stat())
        found.keep()
    assert set(json.loads(kept.read_text())) == ({"a.jpg"} if forget else {"a.jpg", "b.jpg"})
