"""Lines asked for by command, level and time."""

import json

import pytest

from dgops.errors import UsageError
from dgops.events.query import Question, ask, since

NOON = 1_736_928_000.0


def record(event, level="info", correlation="abc", timestamp="2025-01-15T08:00:00.000Z"):
    return {"timestamp": timestamp, "level": level, "correlation_id": correlation, "event": event}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "latest").mkdir()
    rows = [
        record("first", "debug"),
        record("second", "info"),
        record("third", "error", "abd"),
        record("later", "warning", timestamp="2025-01-15T09:00:00.000Z"),
        record("odd", "loud"),
        record("when", "info", timestamp="yesterday"),
    ]
    lines = [*map(json.dumps, rows), "not JSON", "[]", "[" * 100000]
    (tmp_path / "latest/dgops.jsonl").write_text("\n".join(lines))
    return tmp_path


@pytest.mark.parametrize(
    ("question", "events"),
    [
        (Question(), ["first", "second", "third", "later", "when"]),
        (Question(level="info"), ["second", "third", "later", "when"]),
        (Question(level="error"), ["third"]),
        (Question(correlation="abd"), ["third"]),
        (Question(correlation="ab", level="warning"), ["third", "later"]),
        (Question(since=since("2025-01-15T08:30:00Z"), level="debug"), ["later"]),
        (Question(correlation="nobody"), []),
    ],
)
def test_asked(folder, question, events):
    assert [one["event"] for one in ask(folder, question)] == events


def test_a_file_that_is_older_than_the_question_is_not_opened(folder):
    assert list(ask(folder, Question(since=since("9999-01-01")))) == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("2d", 172800), ("1w", 604800), ("0s", 0)]
)
def test_spans(text, seconds):
    assert since(text, NOON) == NOON - seconds


def test_dates():
    assert since("2025-01-15T08:00:00Z") == NOON
    assert since("2025-01-15T09:00:00+01:00") == NOON


@pytest.mark.parametrize("text", ["yesterday", "1", "h", "-1h", "1y", "2025-13-01", ""])
def test_no_time(text):
    with pytest.raises(UsageError, match="no time"):
        since(text)
