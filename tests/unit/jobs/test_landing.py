"""Where outputs land: whole or not at all, past no link, gone on with after a cut."""

import os
from pathlib import Path

import pytest

from dgops.errors import DgopsError
from dgops.files import digest_bytes
from dgops.jobs import landing
from dgops.jobs.landing import Landing

DATA = b"0123456789"
SHA = digest_bytes(DATA)


def test_in_pieces(tmp_path):
    one = Landing(tmp_path / "out", "deep/a.bin")
    assert one.begun(SHA, 10) == 0
    assert one.write(0, DATA[:4], SHA, 10, True)
    assert not one.path.exists()
    assert Landing(tmp_path / "out", "deep/a.bin").begun(SHA, 10) == 4
    assert one.write(4, DATA[4:], SHA, 10, True)
    assert one.path.read_bytes() == DATA
    assert one.path.stat().st_mode & 0o111
    assert [path.name for path in one.path.parent.iterdir()] == ["a.bin"]
    assert one.holds(SHA, 10)
    assert not one.holds(SHA, 11)


def test_other_content_is_not_taken(tmp_path):
    one = Landing(tmp_path / "a", "")
    one.path.write_text("mine")
    assert not one.write(0, b"x" * 10, SHA, 10, False)
    one.give_up(SHA)
    assert one.path.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["a"]


def test_a_part_that_is_too_long_is_begun_again(tmp_path):
    one = Landing(tmp_path / "a", "")
    one.write(0, DATA, SHA, 99, False)
    assert one.begun(SHA, 10) == 0
    assert one.write(0, b"", digest_bytes(b""), 0, False)


def test_what_is_in_the_way(tmp_path):
    root = tmp_path / "out"
    assert Landing(root, "a/b").obstacle() == ""
    (root / "folder").mkdir(parents=True)
    (root / "file").write_text("")
    (root / "link").symlink_to(tmp_path)
    (root / "dead").symlink_to("nowhere")
    assert "is a link" in Landing(root, "link/x").obstacle()
    assert "is a link" in Landing(root, "dead").obstacle()
    assert "is a folder" in Landing(root, "folder").obstacle()
    assert "is no folder" in Landing(root, "file/x").obstacle()
    assert "is no folder" in Landing(root / "file", "x").obstacle()
    assert "is a folder" in Landing(root, "").obstacle()
    assert "is a link" in Landing(root / "link", "").obstacle()
    assert Landing(root / "link", "new").obstacle() == "", "the output's own folder may be a link that a person made"


def test_room(tmp_path, monkeypatch):
    one = Landing(tmp_path / "not/yet", "a")
    landing.require_room([one], 5)
    landing.require_room([], 1 << 60)
    with pytest.raises(DgopsError, match="GB free"):
        landing.require_room([one], 1 << 60)


def test_where_nothing_can_be_put(tmp_path):
    (tmp_path / "file").write_text("")
    assert landing.unwritable(tmp_path / "new/deep") == landing.unwritable(tmp_path / "file") == ""
    assert landing.unwritable(tmp_path / "file/x") == f"{tmp_path / 'file'} is no folder"
    assert "cannot be written" in landing.unwritable(Path("/sys/kernel/dgops/x")) or os.access("/sys/kernel", os.W_OK)


def test_arriving_in_pieces_and_gone_on_with(tmp_path):
    one = Landing(tmp_path / "out", "deep/a.bin")
    with one.arriving(0, SHA, 10, True) as arrival:
        arrival.take(DATA[:3])
    assert one.begun(SHA, 10) == 3
    with one.arriving(3, SHA, 10, True) as arrival:
        assert arrival.done == 3
        arrival.take(DATA[3:])
        assert not one.path.exists()
        assert arrival.finish()
    assert one.path.read_bytes() == DATA
    assert one.path.stat().st_mode & 0o111
    assert [path.name for path in one.path.parent.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("pieces", [[DATA[:9]], [b"x" * 10], []])
def test_what_arrived_otherwise_is_no_file(tmp_path, pieces):
    one = Landing(tmp_path / "a", "")
    with one.arriving(0, SHA, 10, False) as arrival:
        for piece in pieces:
            arrival.take(piece)
        assert not arrival.finish()
    assert not one.path.exists()


def test_more_than_was_promised_is_refused(tmp_path):
    with Landing(tmp_path / "a", "").arriving(0, SHA, 10, False) as arrival:
        arrival.take(DATA)
        with pytest.raises(DgopsError, match="more than 10 bytes"):
            arrival.take(b"x")


def test_less_was_begun_than_was_thought(tmp_path):
    one = Landing(tmp_path / "a", "")
    with one.arriving(5, SHA, 10, False) as arrival:
        assert arrival.done == 0
        arrival.take(DATA)
        assert arrival.finish()


class Sparing:
    """An open file that takes a few bytes at a time, as a disk that is nearly full does."""

    def __init__(self, stream, most):
        self.stream, self.most = stream, most

    def write(self, piece):
        return self.stream.write(bytes(piece)[: self.most])

    def __getattr__(self, name):
        return getattr(self.stream, name)


def test_a_file_that_takes_less_than_it_is_given_is_still_whole(tmp_path):
    one = Landing(tmp_path / "a", "")
    with one.arriving(0, SHA, 10, False) as arrival:
        arrival.stream = Sparing(arrival.stream, 3)
        arrival.take(DATA)
        assert arrival.finish()
    assert one.path.read_bytes() == DATA


def test_what_was_abandoned_is_swept_and_nothing_else(tmp_path):
    kept = [tmp_path / "out/a.bin", tmp_path / f"out/.dgops-{'0' * 24}.partly", tmp_path / "out/deep/b.part"]
    old, young = Landing(tmp_path / "out", "deep/old.bin"), Landing(tmp_path / "out", "deep/young.bin")
    for one in (old, young):
        assert one.write(0, DATA[:4], SHA, 10, False)
    for path in kept:
        path.write_text("x")
    for path in [*kept, old.path.parent]:
        os.utime(path, (0, 0))
    os.utime(part_of(old), (0, 0))
    landing.sweep(tmp_path / "out")
    assert (old.begun(SHA, 10), young.begun(SHA, 10)) == (0, 4)
    assert all(path.exists() for path in kept)
    landing.sweep(tmp_path / "nowhere")


def part_of(one):
    return one.path.parent / f".dgops-{digest_bytes(f'{one.path.name}/{SHA}'.encode())[:24]}.part"
