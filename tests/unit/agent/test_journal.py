"""Events: whole lines, in order, and the last one even on a full disk."""

import json

from dgops.agent.journal import Journal


def lines(folder):
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_a_full_disk_loses_events_but_not_the_last(small_disk, fill):
    journal = Journal(str(small_disk), "00000000", "11111111")
    journal.append("created", "token=abc")
    fill(small_disk)
    for number in range(100):
        journal.append("noted", "w" * 200, number=number)
    journal.finish("the job failed", level="error", status="failed")
    seen = lines(small_disk)
    assert (seen[0]["event"], seen[0]["msg"]) == ("created", "token=***")
    assert (seen[-1]["event"], seen[-1]["fields"]) == ("finished", {"status": "failed"})
    assert [one["seq"] for one in seen] == list(range(1, len(seen) + 1))
    assert len(seen) < 100


def test_what_an_event_says_is_redacted_to_its_leaves(tmp_path):
    journal = Journal(str(tmp_path), "00000000", "11111111", ["horse-battery"])
    journal.append("noted", "with horse-battery", label="curl horse-battery token=abc1", count=3, gpus=[0])
    journal.finish("over", level="error", status="failed", reason='{"x": "horse-battery"}', exit_code=None)
    noted, finished = lines(tmp_path)
    assert noted["msg"] == "with ***REDACTED***"
    assert noted["fields"] == {"label": "curl ***REDACTED*** token=***", "count": 3, "gpus": [0]}
    assert finished["fields"] == {"status": "failed", "reason": '{"x": "***REDACTED***"}', "exit_code": None}
