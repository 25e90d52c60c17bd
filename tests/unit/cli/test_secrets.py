"""dgops secrets as a person types it: nothing that it prints holds a value."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dgops.cli.main import cli
from dgops.errors import DgopsError, UsageError
from dgops.hosts import inventory, keyring_store, secrets
from dgops.settings import load

VALUE = "hf_thevalueitself"
KEYRINGS = Path(__file__).parents[1] / "hosts/keyrings"


@pytest.fixture(autouse=True)
def keyring(monkeypatch, tmp_path):
    for name in secrets.KNOWN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(KEYRINGS))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "file_keyring.FileKeyring")
    monkeypatch.setenv("FILE_KEYRING", str(tmp_path / "keyring.json"))
    return lambda mode: monkeypatch.setenv("FILE_KEYRING_MODE", mode)


def run(*words, value=""):
    return CliRunner().invoke(cli, ["secrets", *words], input=value)


def said(found):
    error = found.exception
    words = error.message + error.hint if isinstance(error, DgopsError) else ""
    return found.stdout + found.stderr + words


def test_from_stdin():
    found = run("set", "HF_TOKEN", value=f"{VALUE}\n")
    assert (found.exit_code, found.stdout) == (0, "HF_TOKEN  kept in the keyring\n")
    assert "dgops_secrets: [HF_TOKEN]" in found.stderr
    assert keyring_store.read(["HF_TOKEN"]) == {"HF_TOKEN": VALUE}
    listed = run("list")
    assert listed.stdout.splitlines()[1].split() == ["HF_TOKEN", "keyring", "-"]
    assert VALUE not in said(found) + said(listed)


def test_a_key_keeps_its_lines():
    key = "-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n"
    assert run("set", "DEPLOY_KEY", value=key).exit_code == 0
    assert keyring_store.read(["DEPLOY_KEY"]) == {"DEPLOY_KEY": key}


def test_json():
    assert json.loads(run("set", "HF_TOKEN", "--json", value=VALUE).stdout) == {
        "ok": True,
        "name": "HF_TOKEN",
        "source": "keyring",
        "replaced": False,
    }
    assert run("set", "HF_TOKEN", value=VALUE).stdout == "HF_TOKEN  replaced in the keyring\n"
    listed = json.loads(run("list", "--json").stdout)
    assert listed["secrets"] == [{"name": "HF_TOKEN", "source": "keyring", "wanted_by": []}]
    assert listed["trouble"] is None
    removed = [json.loads(run("unset", "HF_TOKEN", "--json").stdout)["removed"] for _ in range(2)]
    assert removed == [True, False]


@pytest.mark.parametrize("words", [("HF_TOKEN", VALUE), (f"HF_TOKEN={VALUE}",), ("HF_TOKEN", VALUE, "x")])
def test_never_from_the_command_line(words):
    found = run("set", *words)
    assert isinstance(found.exception, UsageError)
    assert "never taken from the command line" in said(found)
    assert VALUE not in said(found)


def test_a_value_typed_in_place_of_the_name_is_not_repeated():
    found = run("set", "sk-proj-123456")
    assert isinstance(found.exception, UsageError)
    assert "sk-proj" not in said(found)


@pytest.mark.parametrize("value", ["", "\n", "short", "abc\0defgh", b"\xff\xfe\xfd\xfc\xfb\xfa", "x" * 70_000])
def test_what_is_no_value(value):
    found = run("set", "HF_TOKEN", value=value)
    assert isinstance(found.exception, UsageError)
    assert "nothing was kept for HF_TOKEN" in said(found)
    assert keyring_store.read(["HF_TOKEN"]) == {}


@pytest.mark.parametrize("command", ["set", "unset"])
def test_names_that_steer_programs(command):
    found = run(command, "LD_PRELOAD", value=VALUE)
    assert isinstance(found.exception, UsageError)
    assert "LD_PRELOAD means something else" in said(found)


def test_the_list_knows_who_wants_what(monkeypatch):
    Path("dgops.toml").touch()
    path = Path("inventories/local/hosts.yml")
    path.parent.mkdir(parents=True)
    path.write_text("all:\n  hosts:\n    pod: {ansible_connection: fake, dgops_secrets: [HF_TOKEN, MY_KEY]}\n")
    inventory.load(load())
    monkeypatch.setenv("HF_TOKEN", VALUE)
    rows = [line.split() for line in run("list").stdout.splitlines()]
    assert rows == [
        ["NAME", "FROM", "WANTED", "BY"],
        ["HF_TOKEN", "environment", "pod"],
        ["MY_KEY", "missing", "pod"],
    ]


def test_without_a_keyring(monkeypatch):
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    found = run("set", "HF_TOKEN", value=VALUE)
    assert found.exception.exit_code == 1
    assert VALUE not in said(found)
    empty = run("list")
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "there is no keyring on this machine; only the environment counts" in empty.stderr
    assert "export HF_TOKEN=…" in empty.stderr


def test_unset_tells_of_the_environment(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", VALUE)
    found = run("unset", "HF_TOKEN")
    assert found.stdout == "HF_TOKEN  was not in the keyring\n"
    assert "still in the environment" in found.stderr


def test_a_terminal_is_asked_and_shows_nothing():
    ours, theirs = pty.openpty()
    program = "from dgops.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "secrets", "set", "HF_TOKEN"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b"(not shown)" not in shown:
        shown += os.read(ours, 1024)
    os.write(ours, f"{VALUE}\n".encode())
    while b"kept in the keyring" not in shown:
        shown += os.read(ours, 1024)
    assert process.wait(timeout=20) == 0
    os.close(ours)
    assert VALUE.encode() not in shown
    assert keyring_store.read(["HF_TOKEN"]) == {"HF_TOKEN": VALUE}
