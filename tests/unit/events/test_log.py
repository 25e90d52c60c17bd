"""Lines of one command: opened by the first, ended by its exit, and never in its way."""

import json
import os
import subprocess
import sys

import pytest

from dgops.events import log

KEYS = {"timestamp", "level", "service", "correlation_id", "event", "message", "context"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "_current", None)
    log.begin(tmp_path / "logs", ["dgops", "deploy", "--host", "pod"])
    yield tmp_path / "logs"
    log.end(0)


def read(folder):
    return [json.loads(line) for line in (folder / "latest/dgops.jsonl").read_text().splitlines()]


def test_a_command_that_says_nothing_leaves_nothing(folder):
    log.end(0)
    assert not folder.exists()


def test_every_line_has_the_same_shape(folder):
    log.note("host.run", "true", "debug", host="pod", exit=0)
    log.end(3)
    start, run, end = read(folder)
    assert all(set(line) == KEYS for line in (start, run, end))
    assert (start["event"], start["message"]) == ("command.start", "dgops deploy")
    assert (run["level"], run["context"]) == ("debug", {"host": "pod", "exit": 0})
    assert (end["event"], end["level"], end["context"]["exit"]) == ("command.end", "warning", 3)
    assert len({line["correlation_id"] for line in (start, run, end)}) == 1
    assert (folder / "latest/dgops.jsonl").stat().st_mode & 0o777 == 0o600


def test_what_was_registered_before_or_after_the_first_line_is_gone(folder):
    log.register(["before-the-line"])
    log.note("a", "before-the-line and after-the-line")
    log.register(["after-the-line"])
    log.note("b", "after-the-line", context="before-the-line")
    text = (folder / "latest/dgops.jsonl").read_text()
    assert "before-the-line" not in text
    assert text.count("after-the-line") == 1


def test_an_endless_line_is_cut(folder):
    log.note("a", "x" * 100_000, more="y" * 100_000)
    assert len(read(folder)[1]["message"]) == 1000


def test_a_log_that_cannot_be_written_is_in_nobodys_way(folder):
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    log.note("a", "first")
    log.note("a", "second")
    log.end(0)
    assert folder.read_text() == "a file where the folder should be"


def test_lines_of_many_commands_never_mix(tmp_path):
    program = (
        "import sys; from pathlib import Path; from dgops.events import log\n"
        "log.begin(Path(sys.argv[1]), ['dgops'])\n"
        "for number in range(200): log.note('a', 'x' * 500, number=number)\n"
        "log.end(0)\n"
    )
    many = [subprocess.Popen([sys.executable, "-c", program, tmp_path / "logs"]) for _ in range(4)]
    assert [one.wait(60) for one in many] == [0] * 4
    lines = read(tmp_path / "logs")
    assert len(lines) == 4 * 202
    assert len({line["correlation_id"] for line in lines}) == 4


def test_a_link_in_its_place_is_not_followed(folder, tmp_path):
    (folder / "latest").mkdir(parents=True)
    os.symlink(tmp_path / "elsewhere", folder / "latest/dgops.jsonl")
    log.note("a", "b")
    assert not (tmp_path / "elsewhere").exists()
