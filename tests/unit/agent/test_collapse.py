"""Of a line that is written over, the log has the last state and whoever looks the others."""

import pytest

from dgops.agent.collapse import Collapse
from dgops.agent.logfile import Log


@pytest.mark.parametrize(
    ("chunks", "log", "states"),
    [
        ([b"a\nb\r\n"], b"a\nb\r\n", []),
        ([b"1\r2\r", b"3\n"], b"3\n", [b"2", b"3"]),
        ([b"1\r", b"\n", b"x\n"], b"1\r\nx\n", [b"1"]),
        ([b"1\r2\r"], b"2\r", [b"2"]),
        ([b"1\r", b"2"], b"2", [b"1", b"1"]),
        ([b"50 %\r", b"     \r", b"done\n"], b"done\n", [b"50 %", b"50 %", b"done"]),
        ([b"loading ", b"it\r1\r2\n"], b"loading it\r2\n", [b"2"]),
        ([b"\r\r", b"\n"], b"\r\n", []),
        ([b"loss 0.1\r", b" "], b"loss 0.1\r ", [b"loss 0.1", b"loss 0.1"]),
        ([b"1\r ", b"2\n"], b" 2\n", [b"1", b" 2"]),
        ([b"1\r ", b"\n"], b"1\n", [b"1", b"1"]),
    ],
)
def test_what_is_written_over_is_seen_and_gone(tmp_path, chunks, log, states):
    seen = []
    file = Log(str(tmp_path / "log"))
    collapse = Collapse(file, seen.append)
    for chunk in chunks:
        collapse.write(chunk)
    collapse.finish()
    file.close()
    assert (tmp_path / "log").read_bytes() == log
    assert seen == states
