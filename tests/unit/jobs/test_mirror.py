"""A mirror on a host: what it lacks, and what a full disk says."""

import pytest

from dgops.errors import DgopsError
from dgops.jobs import source
from dgops.jobs.job import Input
from dgops.jobs.mirror import Mirror, Part


@pytest.fixture
def mirror(link, base, user, tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    return Mirror(link, base, user, source.read([Input(tmp_path / "a", "a")], "here", tmp_path / "state")[0])


def test_a_file_in_two_parts(mirror):
    file = mirror.source.files["a"]
    assert mirror.lacking() == ["a"]
    first, last = Part("a", file, 0, 4), Part("a", file, 4, 6)
    assert (first.last, last.last) == (False, True)
    mirror.ask("put", first.content(), files=[first.to_json()])
    assert mirror.lacking(["a"]) == ["a"]
    assert mirror.begun(["a"], 5) == {"a": 4}
    assert mirror.begun(["a"], 10) == {}, "a small file is sent whole"
    mirror.ask("put", last.content(), files=[last.to_json()])
    assert mirror.lacking() == []


def test_a_full_disk_is_told_with_its_path(mirror, base, link, monkeypatch):
    def full(command, request, payload=b"", *, timeout=300.0):
        raise DgopsError("here: deep/big.bin: No space left on device")

    monkeypatch.setattr(link, "exchange", full)
    with pytest.raises(DgopsError) as caught:
        mirror.ask("put", b"x", files=[])
    assert caught.value.message.startswith(f"here: no space left on the disk of {base}/inputs/")
    assert "goes on where it stopped" in caught.value.hint
