"""dgops health: the table, the failing checks beneath, the JSON, the exit code."""

import json

import pytest
from click.testing import CliRunner

from dgops.cli import health as command
from dgops.errors import UnreachableError
from dgops.health.check import Check, CheckResult, Outcome
from dgops.health.look import HostHealth

CHECK = Check("git_ssh", "github.com accepts the key", "live", "git_auth", {}, mend="add this key")
GIGA = 1024**3
LIVE = {"gpu": {"gpus": [{"name": "NVIDIA GeForce RTX 4090", "total": 24 * GIGA, "free": 22.8 * GIGA}]}}
FACTS = {"disk": {"path": "/workspace", "type": "mfs", "total": 100, "free": 39}, "live": LIVE}


def host(name, outcome, observed="yes", **more):
    return HostHealth(name, outcome, 0.5, (CheckResult(CHECK, outcome, "accepted", observed),), **more)


@pytest.fixture
def show(monkeypatch):
    def run(*found, **options):
        def body():
            command._show(list(found), options.get("all", False), options.get("json", False), False)

        import click

        return CliRunner().invoke(click.Command("x", callback=body)).output

    return run


def test_one_line_where_one_is_enough(show):
    text = show(host("pod", Outcome.PASS, facts=FACTS))
    assert len(text.splitlines()) == 2
    assert "RTX 4090  1.2 of 24 GB" in text
    assert "/workspace 61 % mfs" in text


def test_the_reason_and_the_next_step_beneath(show):
    text = show(host("pod", Outcome.FAIL, "Permission denied\x1b[2J"))
    assert "  fail  git_ssh: github.com accepts the key" in text
    assert "observed  Permission denied?[2J" in text
    assert "mend      add this key" in text


def test_all_lists_what_passes_too(show):
    assert "pass  git_ssh" in show(host("pod", Outcome.PASS), all=True)


def test_an_unreachable_host_shows_its_hint(show):
    text = show(host("pod", Outcome.ERROR, "no answer", error=UnreachableError("no answer", "start it")))
    assert "start it" in text


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [(["pass"], 0), (["pass", "skip"], 0), (["error"], 3), (["pass", "error"], 3), (["error", "fail"], 1)],
)
def test_exit_codes(outcomes, code):
    assert command._exit_code([host("h", Outcome(one)) for one in outcomes]) == code


def test_json_is_as_documented():
    found = command.to_json([host("pod", Outcome.PASS)])
    assert json.loads(json.dumps(found)) == {
        "ok": True,
        "hosts": {
            "pod": {
                "outcome": "pass",
                "seconds": 0.5,
                "checks": [
                    {
                        "role": "git_ssh",
                        "check": "github.com accepts the key",
                        "kind": "live",
                        "outcome": "pass",
                        "expected": "accepted",
                        "observed": "yes",
                    }
                ],
            }
        },
    }
