"""A network's volume: archives beside the wheels, copies on the host's own disk."""

import os

import pytest
from wheel_house import build, lock, sha

from dgops.agent import mounts, wheel_archive, wheel_fetch
from dgops.agent.pins import locked
from dgops.agent.wheel_notes import Notes
from dgops.agent.wheel_stock import Lock, stock


class Volume:
    """A cache as on a network's volume, and a local folder."""

    def __init__(self, folder):
        self.cache, self.near = folder / "volume", folder / "near"
        self.cache.mkdir(exist_ok=True)
        self.near.mkdir()
        self.wheels = [build(self.cache, name, content=os.urandom(9000)) for name in ("one", "two")]
        self.lock = Lock("app", lock(*self.wheels))
        self.archive = self.cache / wheel_archive.name_of("app", self.lock.text)
        self.digests = {wheel.name: sha(wheel) for wheel in self.wheels}

    def stock(self):
        notes = Notes(str(self.cache))
        done = stock(self.lock, str(self.cache), str(self.near), notes)
        notes.save(str(self.cache / "notes"))
        return done

    def held(self, folder):
        return {path.name: sha(path) for path in folder.glob("*.whl")}


@pytest.fixture(params=["a folder", "a file system in user space"])
def volume(request, tmp_path, monkeypatch):
    monkeypatch.setattr(wheel_fetch, "download", lambda pins, *_: pytest.fail(f"downloads {pins}") if pins else [])
    if request.param != "a folder":
        mounted = request.getfixturevalue("in_user_space")(tmp_path / "volume")
        assert mounts.is_network(mounts.filesystem(str(mounted)))
    return Volume(tmp_path)


def test_the_archive_is_made_and_copies_lie_here(volume):
    done = volume.stock()
    assert done.packed == [volume.archive.name]
    assert volume.held(volume.near) == volume.digests
    assert all(path.stat().st_nlink == 1 for path in volume.near.iterdir()), "a copy, and no link"
    again = volume.stock()
    assert (again.there, again.packed, again.restored) == (2, [], [])


def test_a_fresh_host_unpacks_the_archive(volume):
    volume.stock()
    for path in volume.near.iterdir():
        path.unlink()
    # Only the archive can give them now.
    for wheel in volume.wheels:
        wheel.unlink()
    done = volume.stock()
    assert done.restored == sorted(volume.digests)
    assert volume.held(volume.near) == volume.held(volume.cache) == volume.digests


@pytest.mark.parametrize("size", [0, 500], ids=["empty", "half"])
def test_a_damaged_archive_is_written_anew(volume, size):
    volume.stock()
    whole = volume.archive.read_bytes()
    volume.archive.write_bytes(whole[:size])
    for path in volume.near.iterdir():
        path.unlink()
    assert volume.stock().packed == [volume.archive.name]
    assert volume.archive.read_bytes() == whole
    assert volume.held(volume.near) == volume.digests


def test_an_altered_wheel_is_mended_by_the_copy(volume):
    volume.stock()
    volume.wheels[0].write_bytes(b"altered")
    done = volume.stock()
    assert done.repaired == done.restored == [volume.wheels[0].name]
    assert volume.held(volume.cache) == volume.digests


def test_an_altered_copy_is_never_handed_out(volume):
    volume.stock()
    copy = volume.near / volume.wheels[0].name
    copy.write_bytes(b"altered")
    pins = list(locked(volume.lock.text).values())
    found, downloaded = wheel_fetch.fetch(pins, str(volume.cache), near=str(volume.near))
    assert downloaded == []
    assert set(found.values()) == {str(volume.near / name) for name in volume.digests}
    assert volume.held(volume.near) == volume.digests


def test_wheels_for_other_pythons_are_packed_too(volume):
    other = build(volume.cache, "one", tag="cp27-cp27m-win32", content=b"other = 1\n")
    volume.lock = Lock("app", lock(*volume.wheels, other))
    volume.archive = volume.cache / wheel_archive.name_of("app", volume.lock.text)
    volume.stock()
    assert set(wheel_archive.digests(str(volume.archive))) == {other.name, *volume.digests}
    assert volume.held(volume.near) == volume.digests
