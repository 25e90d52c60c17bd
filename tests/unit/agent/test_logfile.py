"""Logs with a head and a tail: whoever reads on reads each byte once, and is told what is no longer kept."""

import itertools
import os

from hypothesis import given, settings
from hypothesis import strategies as st
from soak import many

from dgops.agent import jobdir, logfile, logparts
from dgops.agent.logfile import Log

LINE = b"line %05d\n"


def written(folder, lines, head=1000, piece=500):
    log = Log(str(folder / "stdout.log"), head, piece)
    for number in lines:
        log.write(LINE % number)
    log.close()
    return log


def read_all(folder, offset=0, limit=300):
    """Read as a follower does; return the text, and how much was left out."""
    text, left_out = "", 0
    while True:
        row, piece = jobdir.read_stream(str(folder), "stdout", offset, limit, over=True)
        if not piece:
            return text, left_out
        assert row["offset"] > offset
        offset, text = row["offset"], text + piece.decode()
        left_out += row.get("left_out", 0)


def test_head_and_tail_are_kept_and_the_middle_is_told(tmp_path):
    log = written(tmp_path, range(10_000))
    sizes = {path.name: path.stat().st_size for path in tmp_path.glob("stdout*")}
    assert len(sizes) == 1 + logfile.KEPT
    assert sum(sizes.values()) <= 1000 + 500 * logfile.KEPT + 3 * len(LINE % 0)
    text, left_out = read_all(tmp_path)
    lines = text.splitlines()
    assert lines[0] == "line 00000"
    assert lines[-1] == "line 09999"
    assert left_out == log.size - len(text)
    numbers = [int(line.split()[1]) for line in lines]
    assert sum(1 for one, two in itertools.pairwise(numbers) if two != one + 1) == 1
    assert logparts.tail(log.path, 22) == b"line 09998\nline 09999\n"
    assert logparts.tail(log.path, 1 << 20, since=log.size - 11) == b"line 09999\n"


def test_who_reads_on_while_it_grows_reads_each_line_once(tmp_path):
    log = Log(str(tmp_path / "stdout.log"), 1000, 500)
    offset, text = 0, ""
    for number in range(2000):
        log.write(LINE % number)
        if number % 30 == 0:
            while (found := jobdir.read_stream(str(tmp_path), "stdout", offset, 200, over=False))[1]:
                assert "left_out" not in found[0]
                offset, text = found[0]["offset"], text + found[1].decode()
    log.close()
    assert text == "".join((LINE % number).decode() for number in range(1981))


def test_nothing_is_parted_below_the_cap(tmp_path):
    written(tmp_path, range(50))
    assert [path.name for path in tmp_path.glob("stdout*")] == ["stdout.log"]


@settings(derandomize=True, max_examples=many(60), deadline=None)
@given(st.lists(st.binary(max_size=90), max_size=60), st.integers(0, 3000), st.integers(4, 400))
def test_any_offset_finds_bytes_where_they_are(tmp_path_factory, pieces, offset, limit):
    folder = tmp_path_factory.mktemp("log")
    log = Log(str(folder / "stdout.log"), 200, 100)
    for piece in pieces:
        log.write(piece)
    log.close()
    whole = b"".join(pieces)
    assert log.size == len(whole)
    at, data, _, _ = logparts.read(log.path, offset, limit)
    assert at >= offset
    assert data == whole[at : at + len(data)]
    assert data or offset >= len(whole)


def test_a_disk_that_takes_no_more_costs_the_rest_and_holds_nothing_up(tmp_path, small_disk, fill):
    log = Log(str(small_disk / "stdout.log"), 100_000, 100_000)
    fill(small_disk)
    for _ in range(50):
        log.write(b"x" * 9999 + b"\n")
    assert log.complaint == "No space left on device"
    (small_disk / "filler").unlink()
    log.write(b"room again\n")
    log.close()
    assert logparts.tail(log.path, 11) == b"room again\n"


def test_a_pipe_in_place_of_a_part_holds_nobody_up(tmp_path):
    (tmp_path / "stdout.log").write_bytes(b"head\n")
    os.mkfifo(tmp_path / "stdout.log.5")
    assert logparts.read(str(tmp_path / "stdout.log"), 5, 100)[1] == b""
    assert logparts.tail(str(tmp_path / "stdout.log"), 100) == b"head\n"


def test_a_log_that_is_gone_on_with_keeps_every_offset(tmp_path):
    path = str(tmp_path / "stdout.log")
    whole = Log(path, head=20, piece=10)
    halves = [b"0123456789\n" * 3, b"abcdefghi\n" * 2]
    whole.write(halves[0])
    whole.close()
    again = Log(path, head=20, piece=10)
    assert again.size == len(halves[0])
    again.write(halves[1])
    again.close()
    assert again.size == sum(map(len, halves))
    newest = max(tmp_path.glob("stdout.log.*"), key=lambda one: int(one.suffix[1:]))
    assert int(newest.suffix[1:]) + newest.stat().st_size == again.size
