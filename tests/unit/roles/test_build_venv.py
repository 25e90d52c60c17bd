"""Venvs and locks: what differs, what the cache holds, what is done about it."""

import base64
import hashlib
import os
import sys
import zipfile

import pytest
from packaging.tags import sys_tags
from role_programs import load

build_venv = load("python_env/files/build_venv.py")
HERE = "python{}.{}".format(*sys.version_info)


def digest(data):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def put(venv, name, version, files):
    """Install a distribution as an installer would."""
    site = venv / "lib" / HERE / "site-packages"
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    rows = []
    for path, data in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(data)
        rows.append(f"{path},{digest(data)},{len(data)}\n")
    (info / "RECORD").write_text("".join(rows) + f"{info.name}/RECORD,,\n")
    return site


@pytest.fixture
def venv(tmp_path):
    made = tmp_path / "venv"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "python").symlink_to(sys.executable)
    (made / "pyvenv.cfg").touch()
    put(made, "a_b", "1.0", {"a_b/__init__.py": b"good = 1\n"})
    (made / build_venv.STAMP).touch()
    return made


def wheel(folder, name, data=b"x"):
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inside", data)
    return path, "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


LOCK = """\
a-b==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via nothing
never==2 ; python_full_version < '3.0' \\
    --hash=sha256:cc
"""


def test_locked():
    pins = build_venv.locked(LOCK)
    assert list(pins) == ["a-b"]
    assert pins["a-b"].version == "1.0"
    assert pins["a-b"].hashes == {"sha256:aa", "sha256:bb"}
    assert pins["a-b"].line == "a-b==1.0 --hash=sha256:aa --hash=sha256:bb"


def test_a_venv_that_is_as_its_lock_says(venv):
    assert build_venv.differences(str(venv), build_venv.locked(LOCK), []) == ([], [])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda site: (site / "a_b/__init__.py").write_bytes(b"evil = 1\n"),
        lambda site: (site / "a_b/__init__.py").write_bytes(b"longer than before\n"),
        lambda site: (site / "a_b/__init__.py").unlink(),
        lambda site: (site / "a_b-1.0.dist-info/RECORD").unlink(),
        lambda site: (site / "a_b-1.0.dist-info").rename(site / "a_b-1.1.dist-info"),
        lambda site: (site / "a_b-0.9.dist-info").mkdir(),
    ],
    ids=["same size", "size", "file gone", "RECORD gone", "version", "two versions"],
)
def test_what_is_spoilt_is_installed_again(venv, spoil):
    # The clock of a file system ticks in milliseconds.
    stamp = venv / build_venv.STAMP
    os.utime(stamp, ns=(0, stamp.stat().st_mtime_ns - 20_000_000))
    spoil(venv / "lib" / HERE / "site-packages")
    assert build_venv.differences(str(venv), build_venv.locked(LOCK), [])[0] == ["a-b"]


def test_what_the_lock_does_not_name_goes_unless_allowed(venv):
    put(venv, "dgops", "1", {})
    put(venv, "extra", "1", {})
    assert build_venv.differences(str(venv), build_venv.locked(LOCK), ["dgops"]) == ([], ["extra"])


def test_a_venv_of_another_python_is_made_anew(venv):
    (venv / "lib" / HERE).rename(venv / "lib" / "python3.1")
    assert build_venv.differences(str(venv), build_venv.locked(LOCK), []) == (["a-b"], [])


def test_cached_looks_at_name_version_tags_and_hash(tmp_path):
    tags = frozenset(sys_tags())
    good, wanted = wheel(tmp_path, "a_b-1.0-py3-none-any.whl")
    wheel(tmp_path, "a_b-1.0-cp27-cp27m-win32.whl")
    wheel(tmp_path, "a_b-1.1-py3-none-any.whl")
    (tmp_path / "no wheel.whl").touch()
    assert build_venv.cached(build_venv.Pin("a-b", "1.0", frozenset([wanted])), str(tmp_path), tags) == str(good)
    assert build_venv.cached(build_venv.Pin("a-b", "1.0", frozenset(["sha256:00"])), str(tmp_path), tags) is None
    assert build_venv.cached(build_venv.Pin("b", "1.0", frozenset([wanted])), str(tmp_path), tags) is None


def test_scratch_takes_away_what_a_killed_run_left(tmp_path):
    old, new = tmp_path / ".dgops-scratch-old", tmp_path / ".dgops-scratch-new"
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    with build_venv.scratch(str(tmp_path)) as folder:
        assert os.path.isdir(folder)
        assert not old.exists()
    assert list(tmp_path.glob(".dgops-scratch-*")) == [new]


def test_a_folder_that_is_no_venv_is_left_alone(tmp_path):
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(SystemExit, match="no venv: move it away"):
        build_venv.make(str(tmp_path), "uv")
    assert (tmp_path / "photo.jpg").exists()


def test_a_full_disk_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    path, _ = wheel(tmp_path, "a-1-py3-none-any.whl", b"x" * 5_000_000)
    usage = build_venv.shutil.disk_usage(tmp_path)._replace(free=6_000_000)
    monkeypatch.setattr(build_venv.shutil, "disk_usage", lambda _path: usage)
    build_venv.require_space(str(tmp_path / "venv"), [str(path)], 1)
    with pytest.raises(SystemExit, match=r"No space left on device: .*venv needs 11 MB for the moment, 6 MB are free"):
        build_venv.require_space(str(tmp_path / "venv"), [str(path)], 2)


def test_a_failing_program_speaks_first(capsys):
    with pytest.raises(SystemExit, match="ended with exit 3"):
        build_venv.run([sys.executable, "-c", "import sys; print('the cause', file=sys.stderr); sys.exit(3)"], 20)
    assert capsys.readouterr().err == "the cause\n"


def test_uv_is_taken_out_of_its_wheel(tmp_path):
    with zipfile.ZipFile(tmp_path / "uv-1.2-py3-none-any.whl", "w") as archive:
        archive.writestr("uv-1.2.data/scripts/uv", "#!/bin/sh\necho uv 1.2 and more\n")
    wanted = hashlib.sha256((tmp_path / "uv-1.2-py3-none-any.whl").read_bytes()).hexdigest()
    lock = f"uv==1.2 \\\n    --hash=sha256:{wanted}\n"
    program = tmp_path / "bin" / "uv"
    assert build_venv.ensure_uv(str(program), lock, str(tmp_path)) == []
    assert build_venv.run([str(program)], 20).startswith("uv 1.2")
    (tmp_path / "uv-1.2-py3-none-any.whl").unlink()
    assert build_venv.ensure_uv(str(program), lock, str(tmp_path)) == [], "nothing is asked of the cache again"


def test_only_local_versions_are_asked_of_their_index(tmp_path, monkeypatch):
    asked = []

    def download(pins, cache, index_url):
        names = [f"{pin.name}-{pin.version}-py3-none-any.whl" for pin in pins]
        asked.append((names, index_url))
        return names

    monkeypatch.setattr(build_venv, "download", download)
    monkeypatch.setattr(build_venv, "cached", lambda pin, *_: f"/cache/{pin.name}" if asked else None)
    pins = [build_venv.Pin("numpy", "1.26", frozenset()), build_venv.Pin("torch", "2.5.1+cu121", frozenset())]
    build_venv.fetch(pins, str(tmp_path), "https://download.pytorch.org/whl/cu121")
    assert asked == [
        (["numpy-1.26-py3-none-any.whl"], ""),
        (["torch-2.5.1+cu121-py3-none-any.whl"], "https://download.pytorch.org/whl/cu121"),
    ]
