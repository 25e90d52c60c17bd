"""Yesterday's lines are put away, a week's compressed, a month's gone; one process does it."""

import fcntl
import gzip
import os
import time

import pytest

from dgops.events import shelf

DAY = 86400


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "logs"


def write(folder, text, days=0.0):
    descriptor = shelf.open_latest(folder)
    os.write(descriptor, text.encode())
    os.close(descriptor)
    if days:
        when = time.time() - days * DAY
        os.utime(folder / "latest/dgops.jsonl", (when, when))


def read(folder):
    return [line.strip() for path in shelf.files(folder) for line in shelf.lines(path)]


def test_one_day_one_file(folder):
    write(folder, "one\n")
    write(folder, "two\n")
    assert read(folder) == ["one", "two"]
    assert not (folder / "archive").exists()


def test_the_years_of_a_log(folder):
    for days in (40, 29, 8, 6, 1):
        write(folder, f"{days} days ago\n", days)
    write(folder, "today\n")
    assert read(folder) == ["29 days ago", "8 days ago", "6 days ago", "1 days ago", "today"]
    names = {path.name for path in folder.rglob("dgops.jsonl*")}
    assert names == {"dgops.jsonl", "dgops.jsonl.gz"}
    packed = [gzip.decompress(path.read_bytes()).decode() for path in sorted(folder.rglob("*.gz"))]
    assert packed == ["29 days ago\n", "8 days ago\n"]
    assert not list(folder.rglob("*.part"))


def test_a_large_file_is_put_away_the_same_day(folder, monkeypatch):
    monkeypatch.setattr(shelf, "LARGEST", 10)
    for number in range(3):
        write(folder, f"line number {number}\n")
    assert read(folder) == [f"line number {number}" for number in range(3)]
    assert len(list((folder / "archive").iterdir())) == 2


def test_while_another_rotates_lines_go_on(folder):
    write(folder, "old\n", 1)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write(folder, "new\n")
    assert read(folder) == ["old", "new"]


def test_damaged_files_give_what_they_have(folder):
    write(folder, "x\n", 8)
    write(folder, "today\n")
    (packed,) = folder.rglob("*.gz")
    packed.write_bytes(packed.read_bytes()[:-6])
    assert read(folder)[-1] == "today"
    packed.write_bytes(b"rubbish")
    assert read(folder) == ["today"]
