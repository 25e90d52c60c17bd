"""uv out of its wheel: known by where it came from, put back when it is another."""

import hashlib
import json
import os
import subprocess
import zipfile

import pytest

from dgops.agent import observe, pins, program, wheel_fetch, wheels


@pytest.fixture
def uv(tmp_path):
    """Return the path of a program that was just taken out of its wheel, and what its lock says."""
    wheel = tmp_path / "uv-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("uv-1.2.data/scripts/uv", "#!/bin/sh\necho uv 1.2 and more\n")
    lock = tmp_path / "uv.txt"
    lock.write_text(f"uv==1.2 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    path = tmp_path / "bin/uv"
    assert program.ensure_uv(str(path), lock.read_text(), str(tmp_path)) == (True, [])
    return path, lock


def look(uv, **more):
    return observe.program({"path": str(uv[0]), "lock": str(uv[1]), **more})["wrong"]


def test_it_is_taken_out_once(uv, tmp_path):
    assert wheels.run([str(uv[0])], 20).startswith("uv 1.2")
    (tmp_path / "uv-1.2-py3-none-any.whl").unlink()
    assert look(uv) == look(uv, deep=True) == ""
    assert program.ensure_uv(str(uv[0]), uv[1].read_text(), str(tmp_path)) == (False, [])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_text("#!/bin/sh\necho uv 1.2\n"), "uv changed by hand"),
        (lambda path: path.unlink(), "uv is gone"),
        (lambda path: path.chmod(0o777), "uv changed by hand"),
        (lambda path: (path.unlink(), path.symlink_to("/bin/true")), "uv changed by hand"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "uv changed by hand"),
        (lambda path: path.with_name("uv.origin").unlink(), "nothing says where uv came from"),
        (lambda path: path.with_name("uv.origin").write_text('{"stamp": 3}'), "nothing says where uv came from"),
    ],
    ids=["edited", "gone", "mode", "link", "pipe", "note gone", "note damaged"],
)
def test_what_is_spoilt_is_named_and_put_back(uv, tmp_path, spoil, words):
    spoil(uv[0])
    assert look(uv) == words
    assert program.ensure_uv(str(uv[0]), uv[1].read_text(), str(tmp_path)) == (True, [])
    assert look(uv) == ""
    assert subprocess.run([uv[0]], capture_output=True, text=True, timeout=60).stdout == "uv 1.2 and more\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone gives files to others")
def test_another_owner(uv, tmp_path):
    os.chown(uv[0], 65534, 65534)
    assert look(uv) == "uv is not the owner's of its folder"
    assert program.ensure_uv(str(uv[0]), uv[1].read_text(), str(tmp_path)) == (True, [])
    assert look(uv) == ""


def test_another_lock_wants_another(uv):
    pin = pins.locked("uv==1.3 --hash=sha256:00\n")["uv"]
    assert program.differs(str(uv[0]), pin) == "uv is not from a wheel of uv 1.3"


def test_touched_is_not_changed(uv):
    os.utime(uv[0])
    assert look(uv) == ""
    assert json.loads(uv[0].with_name("uv.origin").read_text())["wheel"].startswith("sha256:")


def test_without_its_wheel_the_one_that_is_there_stays(uv, tmp_path, monkeypatch):
    uv[0].write_text("#!/bin/sh\n")
    (tmp_path / "uv-1.2-py3-none-any.whl").unlink()

    def fail(*_):
        wheels.stop("no network")

    monkeypatch.setattr(wheel_fetch, "download", fail)
    with pytest.raises(SystemExit, match="no network"):
        program.ensure_uv(str(uv[0]), uv[1].read_text(), str(tmp_path))
    assert uv[0].exists()
