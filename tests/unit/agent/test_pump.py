"""A pipe into a log: however it is cut into chunks, no secret gets through and nothing else is lost."""

import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soak import many

from dgops.agent import pump
from dgops.agent.logfile import Log
from dgops.agent.pump import LONGEST_LINE, Pump
from dgops.agent.redact import Redactor

TOKEN = b"hf_" + b"aB3dE5gH7j" * 3
SECRETS = ["correct horse battery", "s3cr3t-value"]
WORDS = [
    b"loss 0.1 ",
    b"token=abc ",
    TOKEN,
    b" ",
    b"\n",
    b"\r",
    b"\r\n",
    b"correct horse battery",
    b"s3cr3t-value",
    b"x",
]
WORDS += [b"Authorization: Bearer ", b"password: ", b"-----BEGIN PRIVATE KEY-----\n", b"MIIEvQIBADANBgkq\n", b"\xff"]
WORDS += [b" /home/seanf", b"/root"]


def carry(folder, chunks, secrets=(), silences=(), saw=None):
    """Send chunks through a pump, with a silence after some of them, and return the log."""
    reader, writer = os.pipe()
    path = folder / f"log-{len(os.listdir(folder))}"
    log = Log(str(path))
    carried = Pump(reader, log, Redactor(secrets), saw or (lambda _state: None))
    for number, chunk in enumerate(chunks):
        for at in range(0, len(chunk), 32768):
            os.write(writer, chunk[at : at + 32768])
            assert carried.feed()
        if number in silences:
            carried.touched -= 2 * pump.SILENCE
        carried.settle()
    os.close(writer)
    assert not carried.feed()
    carried.finish()
    carried.finish()
    log.close()
    return path.read_bytes()


def states(log):
    """Return the lines of a log, of each the last state that is not blank."""
    return [next((one for one in reversed(line.split(b"\r")) if one.strip()), b"") for line in log.split(b"\n")]


@settings(derandomize=True, max_examples=many(150), deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12), st.data())
def test_chunks_and_silences_change_nothing(tmp_path_factory, words, data):
    folder = tmp_path_factory.mktemp("pump")
    whole = b"".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    edges = [0, *cuts, len(whole)]
    chunks = [whole[begin:end] for begin, end in itertools.pairwise(edges)]
    silences = data.draw(st.sets(st.integers(0, len(chunks))))
    seen = carry(folder, chunks, SECRETS, silences)
    assert TOKEN not in seen
    assert b"correct horse battery" not in seen
    assert b"s3cr3t-value" not in seen
    assert b" /home/seanf" not in seen
    # What a silence has put into the log stays there, although a later state stands over it on a terminal.
    assert states(seen) == states(carry(folder, [whole], SECRETS))


def test_plain_output_stays_byte_for_byte(tmp_path):
    data = os.urandom(200_000) + b"\n" + bytes(range(256)) * 40 + b"a line of Windows\r\n"
    data = data.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n"
    seen = carry(tmp_path, [data[:90_000], data[90_000:-1], data[-1:]])
    assert seen.replace(b"\n", b"") == data.replace(b"\n", b"")


def test_of_a_line_that_is_written_over_the_log_holds_the_last_state_and_the_rest_is_shown(tmp_path):
    shown = []
    bar = b"".join(b"\r%3d%%|#####| %d/100 token=abc%d" % (n, n, n) for n in range(101))
    chunks = [b"begin\n", *(bar[at : at + 17] for at in range(0, len(bar), 17)), b"\nend\r\n"]
    assert carry(tmp_path, chunks, saw=shown.append) == b"begin\n100%|#####| 100/100 token=***\nend\r\n"
    assert shown[0] == b"  0%|#####| 0/100 token=***"
    assert len(set(shown)) >= 100
    assert not any(b"abc" in one for one in shown)


def test_a_bar_that_takes_its_time_is_shown_and_not_logged(tmp_path):
    shown = []
    chunks = [b"\r10%|# | 1/10 [00:30<04:30, 30s/it]", b"\r20%|## | 2/10 [01:00<04:00, 30s/it]", b"\n"]
    assert carry(tmp_path, chunks, silences={0, 1}, saw=shown.append) == b"20%|## | 2/10 [01:00<04:00, 30s/it]\n"
    assert shown[0] == b"10%|# | 1/10 [00:30<04:30, "


@pytest.mark.parametrize("filler", [b"a", b"word ", b"\xc3\xa9"])
def test_a_long_line_is_broken_and_no_token_with_it(tmp_path, filler):
    for at in (LONGEST_LINE - 5000, LONGEST_LINE - 4096 - 10, LONGEST_LINE - 10, LONGEST_LINE + 10, 2 * LONGEST_LINE):
        data = (filler * at)[:at] + b" " + TOKEN + b" s3cr3t-value " + filler * 100000
        seen = carry(tmp_path, [data], SECRETS)
        assert max(map(len, seen.split(b"\n"))) <= LONGEST_LINE
        assert TOKEN[:12] not in seen.replace(b"\n", b"")
        assert b"s3cr3t" not in seen.replace(b"\n", b"")
        assert seen.count(b"hf_***REDACTED***") == 1


def test_a_log_that_cannot_be_written_is_counted(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    reader, writer = os.pipe()
    log = Log("/dev/full")
    carried = Pump(reader, log, Redactor())
    os.write(writer, b"a line\n")
    os.close(writer)
    assert carried.feed()
    assert not carried.feed()
    carried.finish()
    log.close()
    assert (log.lost, log.complaint) == (7, "No space left on device")


@pytest.mark.parametrize("length", [5000, 20000, 100000])
def test_a_handed_value_across_the_break_of_a_line_goes_whole(tmp_path, length):
    secret = "".join(f"{number:05d}" for number in range(length // 5))
    for at in (0, LONGEST_LINE - length - 10, LONGEST_LINE - 4096 - 10, LONGEST_LINE - 10, 2 * LONGEST_LINE - 4200):
        before = b"x" * max(at, 0)
        seen = carry(tmp_path, [before, secret.encode(), b"y" * 300000], [secret]).replace(b"\n", b"")
        assert seen == before + b"***REDACTED***" + b"y" * 300000


def test_a_pipe_in_place_of_the_log_holds_nothing_up(tmp_path):
    path = tmp_path / "log"
    os.mkfifo(path)
    other = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    reader, writer = os.pipe()
    log = Log(str(path))
    carried = Pump(reader, log, Redactor())
    for _ in range(20):
        os.write(writer, b"a line\n" * 5000)
        assert carried.feed()
    os.close(writer)
    carried.finish()
    log.close()
    os.close(other)
    assert log.lost > 0
