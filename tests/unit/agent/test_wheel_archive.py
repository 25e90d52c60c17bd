"""Archives of wheels: the same bytes each time, whole or refused, nothing but wheels out of them."""

import io
import os
import subprocess
import tarfile

import pytest
from wheel_house import build, sha

from dgops.agent import wheel_archive


@pytest.fixture
def packed(tmp_path):
    wheels = [build(tmp_path / "cache", name, content=os.urandom(50_000)) for name in ("one", "two")]
    archive = tmp_path / "cache" / "app-0123456789abcdef.tar.zst"
    wheel_archive.pack({str(wheel): sha(wheel) for wheel in wheels}, str(archive))
    return archive, wheels


def hashes(wheels):
    return frozenset("sha256:" + sha(wheel) for wheel in wheels)


def test_round_trip(packed, tmp_path):
    archive, wheels = packed
    near = tmp_path / "near"
    near.mkdir()
    assert wheel_archive.unpack(str(archive), hashes(wheels), str(near)) == [wheel.name for wheel in wheels]
    assert {path.name: sha(path) for path in near.iterdir()} == {wheel.name: sha(wheel) for wheel in wheels}
    assert wheel_archive.digests(str(archive)) == {wheel.name: sha(wheel) for wheel in wheels}


def test_the_same_wheels_give_the_same_bytes(packed):
    archive, wheels = packed
    before = archive.read_bytes()
    for wheel in wheels:
        os.utime(wheel, (0, 0))
        wheel.chmod(0o600)
    wheel_archive.pack({str(wheel): sha(wheel) for wheel in reversed(wheels)}, str(archive))
    assert archive.read_bytes() == before
    listing = subprocess.run(
        ["tar", "--zstd", "--numeric-owner", "-tvf", archive], capture_output=True, text=True, check=True, timeout=20
    )
    assert [line.split()[:2] for line in listing.stdout.splitlines()] == [["-rw-r--r--", "0/0"]] * 2


def test_only_what_is_asked_for_comes_out(packed, tmp_path):
    archive, wheels = packed
    near = tmp_path / "near"
    near.mkdir()
    wheel_archive.unpack(str(archive), hashes(wheels[:1]), str(near))
    assert [path.name for path in near.iterdir()] == [wheels[0].name]


def test_a_wheel_that_changed_is_not_packed(packed):
    archive, wheels = packed
    before = archive.read_bytes()
    with pytest.raises(SystemExit, match="is not what it was when it was proven; nothing was packed"):
        wheel_archive.pack({str(wheels[0]): "00"}, str(archive))
    assert archive.read_bytes() == before
    assert sorted(path.name for path in archive.parent.iterdir()) == sorted([archive.name, *(w.name for w in wheels)])


HARM = {
    "truncated": lambda data: data[: len(data) // 2],
    "its last bytes gone": lambda data: data[:-2],
    "a byte altered": lambda data: data[:30_000] + bytes([data[30_000] ^ 1]) + data[30_001:],
    "empty": lambda data: b"",
    "no archive": lambda data: b"nothing of the kind",
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_damage(packed, tmp_path, harm):
    archive, wheels = packed
    archive.write_bytes(harm(archive.read_bytes()))
    near = tmp_path / "near"
    near.mkdir()
    with pytest.raises(wheel_archive.Damaged):
        wheel_archive.unpack(str(archive), hashes(wheels), str(near))
    with pytest.raises(wheel_archive.Damaged):
        wheel_archive.digests(str(archive))
    assert {sha(path) for path in near.iterdir()} <= {sha(wheel) for wheel in wheels}


HOSTILE = {
    "a way out": tarfile.TarInfo("../evil.whl"),
    "an absolute path": tarfile.TarInfo("/tmp/evil.whl"),
    "no wheel": tarfile.TarInfo("evil.pth"),
    "a link": tarfile.TarInfo("evil.whl"),
}
HOSTILE["a link"].type, HOSTILE["a link"].linkname = tarfile.SYMTYPE, "/etc/passwd"


@pytest.mark.parametrize("member", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_wheel_is_refused(tmp_path, member):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(member)
    archive = tmp_path / "app-0123456789abcdef.tar.zst"
    zstd = subprocess.run(["zstd", "-c"], input=buffer.getvalue(), capture_output=True, check=True, timeout=20)
    archive.write_bytes(zstd.stdout)
    near = tmp_path / "near"
    near.mkdir()
    with pytest.raises(wheel_archive.Damaged, match="which is no wheel"):
        wheel_archive.unpack(str(archive), frozenset(), str(near))
    assert list(near.iterdir()) == []


def test_a_full_disk(packed, small_disk):
    archive, wheels = packed
    (small_disk / "filler").write_bytes(bytes(2_020_000))
    with pytest.raises(SystemExit, match=r"No space left on device: .* needs 1 MB for the moment, 0 MB are free"):
        wheel_archive.unpack(str(archive), hashes(wheels), str(small_disk))
    assert {path.name for path in small_disk.iterdir()} <= {"filler", wheels[0].name}, "whole ones only"
