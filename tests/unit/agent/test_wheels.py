"""Wheels by their pins: which of them suits, what is asked of whom, and that copies are copies."""

import pytest
from wheel_house import build, lock, sha

from dgops.agent import wheels
from dgops.agent.pins import Pin, everywhere, locked
from dgops.agent.wheel_notes import Notes


def pins_of(*made):
    return list(locked(lock(*made)).values())


def test_proven_looks_at_name_version_tags_and_hash(tmp_path):
    good = build(tmp_path, "a_b")
    build(tmp_path, "a_b", tag="cp27-cp27m-win32")
    build(tmp_path, "a_b", "1.1")
    (tmp_path / "no wheel.whl").touch()
    pin = Pin("a-b", "1.0", frozenset({"sha256:" + sha(good)}))
    wrong = Pin("a-b", "1.0", frozenset({"sha256:00"}))
    other = Pin("b", "1.0", pin.hashes)
    assert wheels.proven([pin, wrong, other], str(tmp_path)) == ({pin: str(good)}, {wrong: str(good)})


def test_notes_spare_the_reading_until_somebody_touches_the_file(tmp_path):
    made = build(tmp_path, "one")
    pins, notes = pins_of(made), Notes(str(tmp_path))
    assert wheels.proven(pins, str(tmp_path), notes)[0]
    assert notes.believed(made.name) == sha(made)
    notes.note(made.name, "11" * 32)
    assert wheels.proven(pins, str(tmp_path), notes)[0] == {}, "it was not read"
    made.write_bytes(made.read_bytes())
    assert notes.believed(made.name) is None
    assert wheels.proven(pins, str(tmp_path), notes)[0] == {pins[0]: str(made)}


def test_a_full_disk_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    made = build(tmp_path, "a", content=b"x" * 5_000_000)
    usage = wheels.shutil.disk_usage(tmp_path)._replace(free=6_000_000)
    monkeypatch.setattr(wheels.shutil, "disk_usage", lambda _path: usage)
    wheels.require_space(str(tmp_path / "venv"), [str(made)], 1)
    with pytest.raises(SystemExit, match=r"No space left on device: .*venv needs 11 MB for the moment, 6 MB are free"):
        wheels.require_space(str(tmp_path / "venv"), [str(made)], 2)


def test_every_pin_of_a_lock_whatever_its_marker():
    text = "a==1 ; python_full_version < '3.0' \\\n    --hash=sha256:00\na==2 ; python_full_version >= '3.0'\n"
    assert [(pin.name, pin.version) for pin in everywhere(text)] == [("a", "1"), ("a", "2")]
    assert list(locked(text)) == ["a"]
