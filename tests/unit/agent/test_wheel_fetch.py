"""Wheels for pins: what is asked of whom, and that copies are copies."""

from wheel_house import build, lock

from dgops.agent import mounts, wheel_fetch
from dgops.agent.pins import Pin, locked


def pins_of(*made):
    return list(locked(lock(*made)).values())


def test_only_local_versions_are_asked_of_their_index(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(wheel_fetch, "_download", lambda pins, _, index, __: asked.append((pins, index)) or [])
    numpy, torch = Pin("numpy", "1.26", frozenset()), Pin("torch", "2.5.1+cu121", frozenset())
    wheel_fetch.download([numpy, torch], str(tmp_path), "https://download.pytorch.org/whl/cu121", {})
    assert asked == [([numpy], ""), ([torch], "https://download.pytorch.org/whl/cu121")]


def test_a_network_volume_gives_copies_in_the_users_own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    cache = tmp_path / "cache"
    made = build(cache, "one")
    found, _ = wheel_fetch.fetch(pins_of(made), str(cache))
    assert list(found.values()) == [str(made)], "an ordinary disk needs no copies"
    monkeypatch.setattr(mounts, "filesystem", lambda _path: "fuse")
    found, _ = wheel_fetch.fetch(pins_of(made), str(cache))
    (path,) = found.values()
    assert path == str(tmp_path / ".cache/dgops/wheel-cache" / made.name)
    assert made.stat().st_nlink == 1
