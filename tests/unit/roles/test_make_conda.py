"""Conda by an installer that behaves as Miniforge's does; the real one and its channels are not at hand."""

import hashlib
import json
from pathlib import Path

import pytest
from role_programs import load

make_conda = load("conda/files/make_conda.py")
INSTALLER = Path(__file__).parent / "fake_miniforge.sh"


@pytest.fixture
def place(tmp_path):
    """A folder with a lock; its prefix is not there yet."""
    (tmp_path / "deadly-ai.txt").write_text("# platform: linux-64\n@EXPLICIT\npython-3.11.conda\n")
    return tmp_path


@pytest.fixture
def go(place, monkeypatch, capsys):
    def run(check=False, **more):
        config = {
            "installer": str(INSTALLER),
            "sha256": hashlib.sha256(INSTALLER.read_bytes()).hexdigest(),
            "prefix": str(place / "forge"),
            "environments": [{"name": "deadly-ai", "lock": str(place / "deadly-ai.txt")}],
            "check": check,
        }
        monkeypatch.setenv("DGOPS_CONDA", json.dumps({**config, **more}))
        make_conda.main()
        return json.loads(capsys.readouterr().out)["made"]

    return run


def test_bare_to_ready_and_then_nothing(go, place):
    assert go(check=True) == ["conda", "deadly-ai"]
    assert not (place / "forge").exists()
    assert go() == ["conda", "deadly-ai"]
    assert (place / "forge/envs/deadly-ai/conda-meta/history").read_text() == "python-3.11.conda\n"
    assert not list(place.rglob("*.dgops-making"))
    assert go() == go(check=True) == []


def test_another_lock_makes_the_environment_anew(go, place):
    go()
    (place / "forge/envs/deadly-ai/left").touch()
    (place / "deadly-ai.txt").write_text("@EXPLICIT\npython-3.12.conda\n")
    assert go() == ["deadly-ai"]
    assert not (place / "forge/envs/deadly-ai/left").exists()


def test_a_killed_installation_is_made_anew(go, place, monkeypatch):
    monkeypatch.setenv("FAKE_KILLED", "1")
    with pytest.raises(SystemExit, match="the installer of conda ended with exit 137"):
        go()
    monkeypatch.delenv("FAKE_KILLED")
    assert go() == ["conda", "deadly-ai"]


def test_a_broken_environment_shows_condas_own_words_and_is_made_anew(go, place, capsys):
    lock = place / "deadly-ai.txt"
    lock.write_text("@EXPLICIT\nbroken.conda\n")
    with pytest.raises(SystemExit, match="conda create ended with exit 1"):
        go()
    assert "CondaError: broken package" in capsys.readouterr().err
    lock.write_text("@EXPLICIT\ngood.conda\n")
    assert go() == ["deadly-ai"]


@pytest.mark.parametrize("name", ["forge", "forge/envs/deadly-ai"])
def test_somebody_elses_folder_stays(go, place, name):
    if "/" in name:
        go(environments=[])
    (place / name).mkdir(parents=True)
    (place / name / "theirs").touch()
    with pytest.raises(SystemExit, match="was not made here: move it away"):
        go()
    assert (place / name / "theirs").exists()


def test_another_installer_is_refused(go, place):
    with pytest.raises(SystemExit, match="is not the installer with the digest 000000000000"):
        go(sha256="0" * 64)
    assert not (place / "forge").exists()


def test_a_list_of_names_is_no_lock(go, place):
    (place / "deadly-ai.txt").write_text("python=3.11\n")
    with pytest.raises(SystemExit, match="is no explicit lock"):
        go()
