import os

import pytest

from dgops.errors import RemoteError


def test_put_is_whole_and_has_its_mode(transport, tmp_path):
    target = tmp_path / "new" / "folder" / "file"
    data = os.urandom(3 << 20)
    transport.put(data, str(target), mode=0o640)
    assert target.read_bytes() == data
    assert target.stat().st_mode & 0o777 == 0o640
    transport.put(b"again", str(target))
    assert target.read_bytes() == b"again"
    assert target.stat().st_mode & 0o777 == 0o600
    assert os.listdir(target.parent) == ["file"]


def test_put_a_file_and_get_it_back(transport, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(1 << 20))
    transport.put(source, str(tmp_path / "there"))
    transport.get(str(tmp_path / "there"), tmp_path / "back" / "file")
    assert (tmp_path / "back" / "file").read_bytes() == source.read_bytes()
    assert os.listdir(tmp_path / "back") == ["file"]


def test_what_cannot_be_read_leaves_nothing(transport, tmp_path):
    with pytest.raises(RemoteError, match="pod: reading /nowhere/x: no such file"):
        transport.get("/nowhere/x", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_what_cannot_be_written_leaves_nothing(transport, tmp_path):
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(RemoteError, match="pod: writing") as caught:
        transport.put(b"x", str(tmp_path / "folder"))
    assert "df -h" in caught.value.hint
    assert os.listdir(tmp_path / "folder") == ["inside"]
    assert sorted(os.listdir(tmp_path)) == sorted(set(os.listdir(tmp_path)) - {"folder.part"})
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small file system")
def test_a_full_disk_is_named(transport, tmp_path):
    import subprocess

    small = tmp_path / "small"
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    try:
        with pytest.raises(RemoteError, match=f"no space left on {small}"):
            transport.put(b"x" * (1 << 20), f"{small}/new/file")
        assert [path for path in small.rglob("*") if path.is_file()] == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
