"""Events of a job's own: whatever a command writes there, the journal stays a list of events."""

import json
import os

import pytest

from dgops.agent.journal import Journal
from dgops.agent.told import LONGEST, Told

GOOD = {"event": "training.step", "msg": "step 1", "fields": {"step": 1, "loss": None}}


def carried(folder, chunks):
    reader, writer = os.pipe()
    journal = Journal(str(folder), "7f3a0000", "c", ["s3cr3t-value"])
    told = Told(reader, journal)
    for chunk in chunks:
        os.write(writer, chunk)
        assert told.feed()
    os.close(writer)
    told.finish()
    told.finish()
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_an_event_arrives_however_it_is_cut(tmp_path):
    line = json.dumps(GOOD).encode() + b"\n"
    found = carried(tmp_path, [line[:9], line[9:] + line])
    assert [(one["event"], one["msg"], one["fields"]) for one in found] == [
        ("training.step", "step 1", {"step": 1, "loss": None})
    ] * 2
    assert [one["seq"] for one in found] == [1, 2]


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"[1]",
        b'{"event": "finished", "msg": "x"}',
        b'{"event": 3}',
        b'{"event": "a.b\\n"}',
        b"[" * 4000,
        b'{"event": "a.b", "msg": "' + b"x" * LONGEST + b'"}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_event_is_left_out(tmp_path, line):
    found = carried(tmp_path, [line + b"\n", json.dumps(GOOD).encode() + b"\n"])
    assert [one["event"] for one in found] == ["training.step"]


def test_secrets_and_names_of_the_journal_are_safe(tmp_path):
    told = {"event": "a.b", "msg": "s3cr3t-value", "level": "panic", "fields": {"event": 1, "k": "s3cr3t-value"}}
    (found,) = carried(tmp_path, [json.dumps(told).encode() + b"\n"])
    assert "s3cr3t" not in json.dumps(found)
    assert (found["event"], found["level"], list(found["fields"])) == ("a.b", "info", ["k"])
