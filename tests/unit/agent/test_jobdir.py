"""The job directory: read by exact offsets, damaged records seen as such."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.agent import jobdir, process


@settings(derandomize=True, max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=8).map(str.encode), st.binary(max_size=6)), max_size=30), st.data())
def test_reading_in_pieces_is_reading_whole(tmp_path_factory, pieces, data):
    """Whatever is in the log and however it grew, the pieces make up the whole text, and the offsets are its bytes."""
    folder = tmp_path_factory.mktemp("job")
    content = b"".join(pieces)
    path = folder / "stdout.log"
    offset, text, raw = 0, "", b""
    for end in [*sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6))), len(content)]:
        path.write_bytes(content[:end])
        limit = data.draw(st.integers(4, 64))
        row, piece = jobdir.read_stream(str(folder), "stdout", offset, limit, over=False)
        assert offset <= row["offset"] <= end
        offset, text, raw = row["offset"], text + piece.decode(errors="replace"), raw + piece
    while offset < len(content):
        row, piece = jobdir.read_stream(str(folder), "stdout", offset, 16, over=True)
        offset, text, raw = row["offset"], text + piece.decode(errors="replace"), raw + piece
    assert raw == content
    assert text == content.decode(errors="replace")


def test_events_come_as_whole_lines(tmp_path):
    (tmp_path / "events.jsonl").write_bytes(b'{"a": 1}\n{"b": ')
    whole = ({"offset": 9, "length": 9}, b'{"a": 1}\n')
    assert jobdir.read_stream(str(tmp_path), "events", 0, 8192, over=False) == whole


def test_a_pipe_in_place_of_a_file_holds_nothing_up(tmp_path):
    os.mkfifo(tmp_path / "status.json")
    assert jobdir.read_json(str(tmp_path / "status.json")) is None


DAMAGED = [b"", b"{", b"[]", b"\xff", b'{"status": 1}', b"[" * 100000]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_record_is_a_lost_job(tmp_path, content):
    folder = tmp_path / "jobs/00000000"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text('{"label": ["no text"], "outputs": {"a": 1}}')
    (folder / "status.json").write_bytes(content)
    (seen,) = jobdir.views(str(tmp_path))
    assert (seen["status"], seen["label"], seen["outputs"]) == ("lost", "['no text']", [])


def test_a_record_is_replaced_on_a_full_disk(small_disk, fill):
    jobdir.write_json(str(small_disk), "status.json", {"n": 1}, again=True)
    fill(small_disk)
    jobdir.write_json(str(small_disk), "status.json", {"n": 2, "words": "w" * 3000}, again=True)
    assert jobdir.read_json(str(small_disk / "status.json"))["n"] == 2


def test_a_pipe_in_place_of_room_or_log_holds_nothing_up(tmp_path):
    for name in ("room", "stdout.log"):
        os.mkfifo(tmp_path / name)
    jobdir.reserve(str(tmp_path / "room"))
    assert jobdir.read_stream(str(tmp_path), "stdout", 0, 8192, over=True) == ({"offset": 0, "length": 0}, b"")


def test_a_list_of_the_largest_jobs_fits_one_answer_and_holds_the_newest(tmp_path):
    letters = "\U0001f600" * 1000
    spec = dict.fromkeys(("kind", "label", "created", "correlation"), letters) | {"outputs": [letters] * 20}
    record = dict.fromkeys(("started", "finished", "first_failure", "reason"), letters)
    record |= {"status": "failed", "gpus": list(range(5000)), "exit_code": 10**400}
    for name, content in (("spec.json", spec), ("status.json", record)):
        (tmp_path / name).write_text(json.dumps(content, ensure_ascii=False))
    for number in range(jobdir.MOST_JOBS + 5):
        folder = tmp_path / f"jobs/{number:08x}"
        folder.mkdir(parents=True)
        for name in ("spec.json", "status.json"):
            os.link(tmp_path / name, folder / name)
    (tmp_path / "jobs/no-job").mkdir()
    seen = jobdir.views(str(tmp_path))
    assert len(json.dumps({"jobs": seen})) < 8 << 20
    assert len(seen) >= 50
    newest = jobdir.MOST_JOBS + 4
    assert [int(one["id"], 16) for one in seen] == list(range(newest, newest - len(seen), -1))
    assert seen[0]["exit_code"] is None


def test_five_hundred_plain_jobs_are_all_listed(tmp_path):
    for number in range(jobdir.MOST_JOBS):
        folder = tmp_path / f"jobs/{number:08x}"
        folder.mkdir(parents=True)
        spec = {"label": "w" * 600, "created": "2026", "outputs": [f"results/{one}" for one in range(200)]}
        (folder / "spec.json").write_text(json.dumps(spec))
        (folder / "status.json").write_text('{"status": "succeeded", "gpus": [0, 1], "exit_code": 0}')
    seen = jobdir.views(str(tmp_path))
    assert len(seen) == jobdir.MOST_JOBS
    assert (seen[0]["gpus"], seen[0]["exit_code"], len(seen[0]["outputs"])) == ([0, 1], 0, 200)


def test_a_status_of_no_known_name_is_a_lost_job(tmp_path):
    me = process.identity(os.getpid())
    (tmp_path / "status.json").write_text(json.dumps({"status": "fine", "supervisor": me}))
    seen = jobdir.view(str(tmp_path))
    assert (seen["status"], seen["reason"]) == ("lost", "its status.json is damaged")
