"""Notes of venvs and programs lose what only the build machine's disk could tell, and nothing else."""

import json

import pytest

from dgops.agent import attest, manifest, program
from dgops.agent.manifest import Manifest, Row
from dgops.images.settle import settle

DIGEST = ("sha256=x",)


@pytest.fixture
def venv(tmp_path):
    path = tmp_path / "home/seanf/.runtime-venv"
    path.mkdir(parents=True)
    rows = {
        "bin/a": Row(DIGEST, 3, ("a-1.dist-info",), (0o100755, 3, 111, 222, 333)),
        "lib/b": Row((), -1, ("a-1.dist-info",)),
    }
    manifest.write(str(path), Manifest(rows, {"lib": 0o755, "bin": 0o755}, "3.11.2", 999))
    (path / manifest.STAMP).chmod(0o600)
    return path


def test_times_and_inodes_go_and_modes_stay(tmp_path, venv):
    settle(tmp_path)
    found = manifest.read(str(venv))
    assert found is not None
    assert found.files["bin/a"] == Row(DIGEST, 3, ("a-1.dist-info",), (0o100755, 0, 0, 0, 0))
    assert found.files["lib/b"].stamp == ()
    assert (found.taken, found.python, list(found.folders)) == (0, "3.11.2", ["bin", "lib"])
    assert (venv / manifest.STAMP).stat().st_mode & 0o777 == 0o600


def test_two_builds_end_alike(tmp_path, venv):
    settle(tmp_path)
    first = (venv / manifest.STAMP).read_bytes()
    found = manifest.read(str(venv))
    again = dict(found.files)
    again["bin/a"] = again["bin/a"]._replace(stamp=(0o100755, 3, 4, 5, 6))
    manifest.write(str(venv), found._replace(files=again, folders={"bin": 0o755, "lib": 0o755}, taken=5))
    settle(tmp_path)
    assert (venv / manifest.STAMP).read_bytes() == first


def test_a_damaged_manifest_is_left_to_the_next_deploy(tmp_path, venv):
    (venv / manifest.STAMP).write_text("{}\n")
    settle(tmp_path)
    assert (venv / manifest.STAMP).read_text() == "{}\n"


def test_a_program_keeps_its_wheel_and_digest(tmp_path):
    note = tmp_path / f"home/seanf/.local/share/dgops/uv{program.NOTE}"
    note.parent.mkdir(parents=True)
    before = {"wheel": "sha256:w", "digest": "d", "stamp": [0o100755, 9, 1, 2, 3], "taken": 123456789012345}
    note.write_text(json.dumps(before))
    settle(tmp_path)
    assert json.loads(note.read_text()) == {**before, "stamp": [0o100755, 0, 0, 0, 0], "taken": 0}


def test_when_uv_saw_a_wheel_is_forgotten(tmp_path, venv):
    info = venv / "lib/python3.11/site-packages/a-1.dist-info"
    info.mkdir(parents=True)
    (info / "uv_cache.json").write_text('{"timestamp": 1}')
    record = "a.py,sha256=z,3\r\na-1.dist-info/uv_cache.json,sha256=y,16\r\na-1.dist-info/RECORD,,\r\n"
    (info / "RECORD").write_bytes(record.encode())
    held = manifest.read(str(venv))
    inner = "lib/python3.11/site-packages/a-1.dist-info/"
    more = {
        inner + "uv_cache.json": Row(("sha256=y",), 16, ("a-1.dist-info",), (0o100644, 1, 1, 1, 1)),
        inner + "RECORD": Row(("sha256=old",), len(record), ("a-1.dist-info",), (0o100644, 1, 1, 1, 1)),
    }
    manifest.write(str(venv), held._replace(files={**held.files, **more}))
    settle(tmp_path)
    assert not (info / "uv_cache.json").exists()
    assert (info / "RECORD").read_bytes() == b"a.py,sha256=z,3\r\na-1.dist-info/RECORD,,\r\n"
    found = manifest.read(str(venv)).files
    assert inner + "uv_cache.json" not in found
    assert found[inner + "RECORD"].digests == (attest.digest_of(str(info / "RECORD"), (info / "RECORD").stat()),)
    assert found[inner + "RECORD"].size == 41
