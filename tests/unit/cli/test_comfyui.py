"""dgops comfyui: one line for each host, the JSON, the exit codes."""

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

VIEW = {"id": "0123abcd", "kind": "comfyui", "label": "ComfyUI", "status": "running", "started": "2026-01-01T00:00:01Z"}
SEEN = {"status": 200, "count": 812, "missing": [], "version": "0.3.64", "device": "cuda:0 NVIDIA RTX 4090"}


@pytest.fixture
def pods(tmp_path, monkeypatch):
    """Return `pods(name=(job, seen))`: an inventory of scripted hosts with ComfyUI, and one without."""
    monkeypatch.chdir(tmp_path)

    def write(**hosts):
        Path("dgops.toml").touch()
        path = Path("inventories/local/hosts.yml")
        path.parent.mkdir(parents=True)
        settings = settings_room.load()
        check = Check("comfyui", "ComfyUI answers", "live", "comfyui", {"url": "http://127.0.0.1:8188"})
        rows = {}
        for name, (job, seen) in {**hosts, "bare": (None, {})}.items():
            # One answer for both questions: each reads its own key.
            body = {"jobs": [job] if job else [], "observations": [{"seen": seen}]}
            given = {"argv": ["sh"], "stdout": json.dumps(body)} if seen is not None else {"unreachable": "no route"}
            rows[name] = {"ansible_connection": "fake", "dgops_fake_answers": [{"argv": ["sh"], **given}]}
            checks = () if name == "bare" else (check,)
            contracts.save(Contract(name, checks, {}, "production", "a1", "now", "me", "/w", ""), settings.state)
        path.write_text(json.dumps({"all": {"hosts": rows}}))

    return write


def run(*argv):
    return CliRunner().invoke(cli, ["comfyui", *argv])


def test_status_of_all_that_have_one(pods):
    pods(ready=(VIEW, SEEN), lacking=(VIEW, {**SEEN, "missing": ["ApplyInstantID"]}), down=(None, {"status": None}))
    done = run("status")
    assert done.exit_code == 1
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert list(rows) == ["HOST", "ready", "lacking", "down"]
    assert "812" in rows["ready"]
    assert "cuda:0 NVIDIA RTX 4090  0123abcd" in rows["ready"]
    assert "812, lacks ApplyInstantID" in rows["lacking"]
    assert rows["down"].split() == ["down", "stopped", "-", "-", "-", "-", "-"]
    found = json.loads(run("status", "--json").stdout)
    assert {name: one["state"] for name, one in found.items()} == {
        "ready": "ready",
        "lacking": "incomplete",
        "down": "stopped",
    }


def test_ready_is_good_and_unreachable_is_unknown(pods):
    pods(ready=(VIEW, SEEN), gone=(None, None))
    assert run("status", "--host", "ready").exit_code == 0
    done = run("status", "--host", "gone")
    assert done.exit_code == 3
    assert "no route" in done.stderr


def test_a_host_without_one(pods):
    pods()
    assert run("status").stdout == ""
    assert run("status").exit_code == 0
    for command in ("start", "stop", "open"):
        done = run(command, "--host", "bare")
        assert isinstance(done.exception, UsageError), command
        assert "bare has no ComfyUI" in done.exception.message


def test_started_already_it_is_said(pods):
    pods(ready=(VIEW, SEEN))
    done = run("start", "--host", "ready")
    assert done.exit_code == 0
    assert done.stdout.startswith("ready  ready  ComfyUI 0.3.64, 812 node classes, cuda:0 NVIDIA RTX 4090  ")
    assert "job 0123abcd runs already" in done.stderr
    assert "dgops comfyui open --host ready" in done.stderr


def test_one_that_is_not_ours(pods):
    pods(pod=(None, SEEN))
    done = run("stop", "--host", "pod")
    assert "that dgops did not start" in done.exception.message
