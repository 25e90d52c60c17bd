"""The front door: exit codes and error texts as a person meets them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DGOPS = str(Path(sys.prefix) / "bin/dgops")


def dgops(*arguments, **more):
    return subprocess.run([DGOPS, *arguments], capture_output=True, text=True, timeout=60, **more)


def test_help_lists_every_command():
    done = dgops("--help")
    assert done.returncode == 0
    for name in ("deploy", "health", "hosts", "init", "sandbox", "settings"):
        assert f"  {name} " in done.stdout


def test_usage_errors_exit_2():
    for arguments in (["deplyo"], ["deploy"], ["--mode", "quick", "settings"]):
        done = dgops(*arguments)
        assert done.returncode == 2, arguments
        assert done.stdout == ""


def test_settings_json(tmp_path):
    Path("dgops.toml").write_text("forks = 4\n")
    found = json.loads(dgops("settings", "--json").stdout)
    assert found["forks"] == {"value": 4, "source": str(tmp_path / "dgops.toml")}
    assert set(found) == {"cache", "connect_timeout", "forks", "inventory", "mode", "state"}


def test_config_mistakes_are_shown_at_once():
    Path("dgops.toml").write_text("forks = 0\nmood = 1\n")
    done = dgops("settings")
    assert done.returncode == 2
    assert "2 mistakes in the configuration" in done.stderr
    assert "forks: 0 is not a positive number" in done.stderr
    assert "mood: unknown key" in done.stderr
    assert "hint:" in done.stderr


def test_init_writes_once_and_keeps():
    assert "written  dgops.toml" in dgops("init").stdout
    Path("dgops.toml").write_text("forks = 9\n")
    again = dgops("init").stdout
    assert "kept     dgops.toml" in again
    assert "kept     inventories/local/hosts.yml" in again
    assert Path("dgops.toml").read_text() == "forks = 9\n"


def test_init_makes_a_project_that_works():
    dgops("init")
    done = dgops("hosts", "list", "--json")
    assert done.returncode == 0, done.stderr
    assert "local" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell, monkeypatch):
    monkeypatch.setenv("_DGOPS_COMPLETE", f"{shell}_source")
    assert "_DGOPS_COMPLETE" in dgops().stdout


def test_completion_of_roles(monkeypatch):
    monkeypatch.setenv("_DGOPS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "dgops deploy --role git")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert dgops().stdout == "plain,git_ssh\n"


def test_colour_only_where_wanted(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in dgops("deplyo").stderr
