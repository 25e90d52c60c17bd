"""dgops apps: the tables, the JSON, the exit codes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dgops import settings as settings_room
from dgops.cli.main import cli
from dgops.errors import UsageError
from dgops.health import contract as contracts
from dgops.health.check import Check
from dgops.health.contract import Contract

PIN, TIP = "a" * 40, "b" * 40
PATH = "/home/seanf/apps/ComfyUI"
WANTED = {"path": PATH, "remote": "https://forge/c.git", "commit": PIN}
NODE = {"path": f"{PATH}/custom_nodes/instantid", "remote": "https://forge/i.git", "commit": PIN}
PINNED = {"exists": True, "commit": PIN, "named": "v0.3.64", "files": [], "total": 0, "commits": 0}


@pytest.fixture
def pod(tmp_path, monkeypatch):
    """Return `pod(*rows)`: an inventory with a host that describes its two apps so."""
    monkeypatch.chdir(tmp_path)

    def write(*rows):
        Path("dgops.toml").touch()
        path = Path("inventories/local/hosts.yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = {"argv": ["sh"], "stdout": json.dumps({"clones": rows})}
        host = {"ansible_connection": "fake", "dgops_fake_answers": [answer]}
        path.write_text(json.dumps({"all": {"hosts": {"pod": host, "never": host}}}))
        checks = tuple(Check("comfyui", "it is at its commit", "state", "clone", one) for one in (WANTED, NODE))
        kept = Contract("pod", checks, {}, "fast-test", "a1", "now", "me", "/w", "")
        contracts.save(kept, settings_room.load().state)

    return write


def run(*argv):
    return CliRunner().invoke(cli, ["apps", *argv])


def test_all_at_their_pins(pod):
    pod(PINNED, PINNED)
    done = run("list")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "HOST  APP        STATE   AT                  EDITS",
        "pod   ComfyUI    pinned  aaaaaaaaaa v0.3.64  none",
        "pod   instantid  pinned  aaaaaaaaaa v0.3.64  none",
    ]


def test_edits_and_a_moved_one(pod):
    files = [f"file{number}.py" for number in range(12)]
    pod({**PINNED, "files": files, "total": 12}, {**PINNED, "commit": TIP, "named": "x\x1b[2J", "commits": 1})
    done = run("list")
    assert done.exit_code == 1
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[1].endswith("12 files")
    assert lines[2:10] == [f"  M file{number}.py" for number in range(8)]
    assert lines[10] == "  and 4 more"
    assert lines[11].endswith("1 commit")
    assert lines[12] == "  wants aaaaaaaaaa:  dgops deploy --host pod"
    found = json.loads(run("list", "--json").stdout)
    assert [one["state"] for one in found["pod"]] == ["pinned", "moved"]


def test_what_upstream_has(pod):
    news = {"branch": "master", "tip": TIP, "newer": 14, "gone": False, "tags": {"v0.3.65": TIP}}
    pod(news, {**news, "newer": 0, "gone": True, "tags": {}})
    done = run("update", "--dry-run")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert " ".join(lines[1].split()).endswith("aaaaaaaaaa master bbbbbbbbbb, 14 commits newer v0.3.65 bbbbbbbbbb")
    assert lines[2] == f"  comfyui__commit: {TIP}"
    assert " ".join(lines[3].split()) == "pod instantid aaaaaaaaaa master bbbbbbbbbb, the same -"
    assert "its history was rewritten" in lines[4]
    pod(news, {"error": "git ls-remote: fatal: Could not resolve host"})
    done = run("update", "--dry-run")
    assert done.exit_code == 1
    assert "  git ls-remote: fatal: Could not resolve host" in done.stdout.splitlines()


def test_a_pin_of_a_node_stands_in_its_list(pod):
    news = {"branch": "main", "tip": TIP, "newer": 1, "gone": False, "tags": {}}
    pod(news, news)
    assert f"  commit of instantid in comfyui__custom_nodes: {TIP}" in run("update", "--dry-run").stdout.splitlines()


def test_an_update_says_where_a_pin_stands(pod):
    pod(PINNED, PINNED)
    done = run("update")
    assert isinstance(done.exception, UsageError)
    assert "comfyui__commit" in done.exception.hint


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([], "no app was asked for: dgops_apps"),
        (["tiny"], "no clone was asked for: tiny is nothing but a venv"),
        (["tiny", "comfyui"], "not cloned yet: comfyui: dgops deploy"),
    ],
)
@pytest.mark.parametrize("command", [("list",), ("update", "--dry-run")])
def test_why_there_is_no_clone(pod, asked, words, command):
    pod()
    hosts = Path("inventories/local/hosts.yml")
    found = json.loads(hosts.read_text())
    found["all"]["hosts"]["pod"]["dgops_apps"] = asked
    hosts.write_text(json.dumps(found))
    contracts.save(Contract("pod", (), {}, "fast-test", "a1", "now", "me", "/w", ""), settings_room.load().state)
    done = run(*command)
    assert (done.exit_code, words in done.stderr) == (0, True), done.stderr


def test_a_host_that_was_never_deployed(pod):
    pod(PINNED, PINNED)
    done = run("list", "--host", "never")
    assert done.exit_code == 1
    assert "never" in done.stderr
