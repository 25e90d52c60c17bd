"""The wheel of this tree: the same bytes each time, built once, and complete."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dgops.deploy import wheel
from dgops.errors import DgopsError


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return wheel.build(tmp_path_factory.mktemp("cache"))


def test_the_same_tree_gives_the_same_bytes(built, tmp_path):
    other = wheel.build(tmp_path)
    assert other != built
    assert other.read_bytes() == built.read_bytes()


def test_it_is_built_once(built, monkeypatch):
    monkeypatch.setattr(wheel, "_hatch", lambda *_: pytest.fail("built again"))
    assert wheel.build(built.parents[2]) == built


def test_it_carries_what_a_deploy_needs(built):
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
    for name in ("roles/python_env/checks.yml", "playbooks/site.yml", "locks/runtime.txt", "locks/uv.txt"):
        assert f"dgops/share/{name}" in names
    assert "dgops/agent/probe.py" in names
    assert [name for name in names if name.endswith(".pyc") or "__pycache__" in name] == []


def test_described(built):
    assert wheel.describe(built)["path"] == str(built)
    assert wheel.describe(built)["version"] == built.name.split("-")[1]
    assert len(wheel.describe(built)["sha256"]) == 64


def test_installed_from_a_wheel_it_makes_the_wheel_again(built, tmp_path):
    """Outside a clone there is nothing to build from but the installed files."""
    # Installed for real: an installer leaves notes of its own beside what the wheel brought.
    uv, venv = Path(sys.prefix) / "bin/uv", tmp_path / "venv"
    env = {**os.environ, "DGOPS_CACHE": str(tmp_path / "cache"), "UV_CACHE_DIR": str(tmp_path / "uv")}
    install = [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", venv / "bin/python", built]
    for argv in ([uv, "venv", "--quiet", venv], install):
        subprocess.run(argv, check=True, timeout=60, env=env)
    argv = [venv / "bin/python", "-m", "dgops.deploy.cargo"]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    again = Path(json.loads(done.stdout)["wheel"]["path"])
    with zipfile.ZipFile(built) as first, zipfile.ZipFile(again) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())
        for name in first.namelist():
            assert name.endswith("/RECORD") or first.read(name) == second.read(name), name


def test_a_build_that_fails_names_the_cause(tmp_path, monkeypatch):
    monkeypatch.setattr(wheel.sys, "executable", "/bin/false")
    with pytest.raises(DgopsError, match="could not be built"):
        wheel.build(tmp_path)
    assert list((tmp_path / "wheels").iterdir()) == []
