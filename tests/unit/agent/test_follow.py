"""Reading on in a job's logs: bytes as they are, no more at once than was asked for, nobody kept waiting."""

import contextlib
import json
import os

import pytest

from dgops.agent import follow, jobdir

TEXTS = [b"", "märz\n".encode() * 90_000, b"\xff\xfe\0\r" * 100_000]


@pytest.fixture
def made(agent_host):
    """Return `made(**logs)`: a job that is over and whose logs hold what is given."""

    def make(**logs):
        folder = agent_host.base / "jobs/0123abcd"
        folder.mkdir(parents=True)
        for name, content in (("spec.json", {}), ("status.json", {"status": "succeeded"})):
            (folder / name).write_text(json.dumps(content))
        for name, content in logs.items():
            (folder / jobdir.STREAMS[name]).write_bytes(content)
        return folder.name

    return make


def test_it_waits_for_news_and_no_longer(agent_host):
    job = agent_host.submit("sh", "-c", "echo a; sleep 1; echo b; sleep 60")
    agent_host.wait_for_output(job, "a")
    seen, rows, pieces = agent_host.follow(job, wait=20, stdout=2)
    assert (seen["status"], rows, pieces) == ("running", {"stdout": {"offset": 4, "length": 2}}, {"stdout": b"b\n"})
    assert agent_host.follow(job, stdout=4)[2] == {"stdout": b""}
    agent_host.call("cancel", id=job, grace=0.2)
    agent_host.wait(job)


@pytest.mark.parametrize("limit", [1, 1 << 40])
@pytest.mark.parametrize("content", TEXTS, ids=range(len(TEXTS)))
def test_pieces_make_up_the_log_byte_by_byte_and_none_is_larger_than_it_may_be(agent_host, made, content, limit):
    events = b'{"event": "step"}\n' * 10_000
    job = made(stdout=content, stderr=content, events=events)
    offsets = {"stdout": 0, "stderr": 0, "events": 0}
    whole = dict.fromkeys(offsets, b"")
    most = min(max(limit, jobdir.LEAST_BYTES), jobdir.MOST_BYTES)
    while True:
        _, rows, pieces = agent_host.follow(job, limit=limit, **offsets)
        assert sum(map(len, pieces.values())) <= most
        if not any(pieces.values()):
            break
        for name, row in rows.items():
            assert row["offset"] == offsets[name] + row["length"]
            offsets[name] = row["offset"]
            whole[name] += pieces[name]
    assert whole == {"stdout": content, "stderr": content, "events": events}


def test_no_stream_takes_the_share_of_another(agent_host, made):
    logs = {"stdout": b"o" * 9_000_000, "stderr": b"e" * 9_000_000, "events": b"{ }\n" * 1_000_000}
    job = made(**logs)
    _, _, pieces = agent_host.follow(job, limit=3_000_000, **dict.fromkeys(logs, 0))
    assert [len(pieces[name]) for name in logs] == [1_000_000, 1_000_000, 1_000_000]
    _, _, pieces = agent_host.follow(job, limit=3_000_000, stdout=0, stderr=9_000_000)
    assert [len(pieces[name]) for name in ("stdout", "stderr")] == [3_000_000, 0]


@pytest.mark.parametrize("name", ["0123abcd", "../../etc", 7])
def test_a_job_that_is_not_there_is_refused(agent_host, name):
    answer, rest = agent_host.exchange("follow", {"base": str(agent_host.base), "id": name, "offsets": {}})
    assert answer["refused"].startswith("there is no job")
    assert rest == b""


def test_a_piece_that_goes_while_it_is_looked_at_is_no_error(tmp_path, monkeypatch):
    for name in ("status.json", "stdout.log", "stdout.log.9", "heartbeat"):
        (tmp_path / name).write_text("x")
    listed = list(os.scandir(tmp_path))
    (tmp_path / "stdout.log.9").unlink()
    monkeypatch.setattr(follow.os, "scandir", lambda _folder: contextlib.nullcontext(listed))
    assert [name for name, *_ in follow._mark(str(tmp_path))] == ["status.json", "stdout.log"]
