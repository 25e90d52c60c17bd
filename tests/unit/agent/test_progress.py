"""Progress: states of a line become events, at most two a second, the last one among them."""

import json
import time

import pytest

from dgops.agent import progress
from dgops.agent.journal import Journal
from dgops.agent.progress import Progress


@pytest.fixture
def shown(tmp_path):
    found = Progress(Journal(str(tmp_path), "0123abcd", "89abcdef"))
    found.events = lambda: [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    return found


def test_no_more_than_two_a_second_and_the_last_one_is_told(shown):
    for number in range(1001):
        shown.saw("stderr", b"%d/1000" % number)
        shown.tell(number / 100)
    shown.finish()
    told = shown.events()
    assert 19 <= len(told) <= 22
    assert [(one["event"], one["fields"]) for one in told] == [("progress", {"stream": "stderr"})] * len(told)
    assert told[-1]["msg"] == "1000/1000"


def test_the_same_state_and_a_blank_one_are_told_once(shown):
    for clock in range(5):
        shown.saw("stdout", b" 5 % \xff")
        shown.saw("stdout", b"   ")
        shown.tell(clock)
    assert [one["msg"] for one in shown.events()] == ["5 % \ufffd"]


def test_in_a_long_log_of_events_it_is_told_less_often(shown, monkeypatch):
    monkeypatch.setattr(progress, "LONG", 1)
    shown.journal.append("started", "x")
    for clock in range(100):
        shown.saw("stdout", b"%d" % clock)
        shown.tell(clock)
    assert len(shown.events()) == 1 + 10


def test_the_last_one_waits_for_its_time(shown):
    for text in (b"1", b"2"):
        shown.saw("stdout", text)
        shown.tell(time.monotonic())
    shown.finish()
    first, second = (one["ts"] for one in shown.events())
    assert float(second[17:-1]) - float(first[17:-1]) >= 0.49 or second[:16] != first[:16]
