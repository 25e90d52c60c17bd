"""The front door: exit codes and error texts as a person meets them."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

DGOPS = str(Path(sys.prefix) / "bin/dgops")
ROOT = Path(__file__).parents[3]
KEYLESS = {
    **{key: value for key, value in os.environ.items() if key != "RUNPOD_API_KEY"},
    "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}",
}


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
    plain = {"cache", "connect_timeout", "forks", "inventory", "mode", "runpod_graphql_url", "runpod_url", "state"}
    assert set(found) == plain | {
        f"pods.{key}" for key in ("ttl", "max_cost", "idle_minutes", "idle_gpu", "budget_per_day")
    }


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


def test_init_writes_the_inventory_of_rented_pods():
    dgops("init")
    done = subprocess.run(
        ["inventories/runpod/hosts.py", "--list"], capture_output=True, text=True, timeout=60, env=KEYLESS
    )
    assert (done.returncode, json.loads(done.stdout)["_meta"]) == (0, {"hostvars": {}})
    assert "RUNPOD_API_KEY" in done.stderr


def test_the_page_on_runpod_names_commands_and_options_that_are():
    import click

    from dgops.cli.main import cli

    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs/runpod.md").read_text(), re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines() if line.startswith("dgops ")]
    assert len(lines) > 10
    for words in lines:
        context, command, rest = click.Context(cli), cli, words[1:]
        while isinstance(command, click.Group) and command.name != "run":
            found = command.get_command(context, rest.pop(0))
            assert found is not None, words
            command = found
        options = {option for one in command.params for option in one.opts}
        assert {word for word in rest if word.startswith("--")} <= options | {"--host"}, words


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


def test_a_folder_that_is_gone(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", f'rmdir "$PWD" && exec {DGOPS} settings'], cwd=gone, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "the folder that you are in is gone" in done.stderr


def test_this_machines_own_troubles_are_told_in_a_sentence():
    with open("/dev/full", "w") as full:
        done = subprocess.run([DGOPS, "settings"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert "error: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    Path("state").write_text("")
    Path("inventories/local").mkdir(parents=True)
    Path("inventories/local/hosts.yml").write_text("all: {hosts: {a: {ansible_connection: fake}}}")
    done = dgops("hosts", "list", env={**os.environ, "DGOPS_STATE": "state"})
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_hangup_does_not_break_the_way_out():
    program = (
        "import os, signal, time, dgops.cli.main as main\n"
        "def work(**_):\n"
        "    try: os.kill(os.getpid(), signal.SIGHUP); time.sleep(9)\n"
        "    finally: os.kill(os.getpid(), signal.SIGHUP); print('cleaned up', flush=True)\n"
        "main.cli.main = work\n"
        "main.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (130, "cleaned up\n"), done.stderr


def test_an_encoding_without_the_character_is_no_error():
    Path("dgops.toml").write_text("# é\ninventory = ['ünï']\n")
    done = dgops("settings", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
