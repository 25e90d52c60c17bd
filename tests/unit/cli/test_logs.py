"""What the log looks like to a person, and as lines."""

import json

import pytest
from click.testing import CliRunner

from dgops.cli.main import cli


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dgops.toml").write_text("")
    latest = tmp_path / ".dgops/logs/latest"
    latest.mkdir(parents=True)
    rows = [
        {"level": "debug", "event": "host.run", "message": "true", "context": {"host": "pod"}},
        {"level": "error", "event": "sync.over", "message": "two\nlines\x1b[31m", "context": {}},
        {"level": "info", "event": "odd", "message": None, "context": None},
    ]
    same = {"timestamp": "2026-01-15T08:00:00.000Z", "correlation_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    (latest / "dgops.jsonl").write_text("\n".join(json.dumps({**same, **row}) for row in rows))
    return tmp_path


def run(*argv):
    return CliRunner().invoke(cli, ["logs", *argv])


def test_one_line_each_and_debug_only_when_asked_for(place):
    done = run()
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "2026-01-15T08:00:00.000Z  error    4bf92f35  sync.over       two lines?[31m",
        "2026-01-15T08:00:00.000Z  info     4bf92f35  odd",
    ]
    assert "pod: true" in run("--level", "debug").output


def test_as_they_are_stored(place):
    done = run("--json", "--correlation", "4bf9", "--level", "error")
    assert [json.loads(line)["event"] for line in done.output.splitlines()] == ["sync.over"]


def test_a_time_that_is_none(place):
    assert "no time" in str(run("--since", "soon").exception)


def test_no_log_yet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run().output == ""
    assert not list(tmp_path.glob(".dgops*"))
