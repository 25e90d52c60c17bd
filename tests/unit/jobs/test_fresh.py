"""What a host says of a log: believed as far as it adds up."""

import pytest

from dgops.agent.jobdir import LEAST_BYTES, MOST_BYTES, STREAMS
from dgops.errors import RemoteError
from dgops.jobs.fresh import fresh, next_limit

KNOWN = dict.fromkeys(STREAMS, 4)


def row(offset, length, **more):
    return {"offset": offset, "length": length, **more}


def test_each_stream_has_its_bytes_as_text(heard):
    rows = {"stdout": row(7, 3), "stderr": row(4, 0), "events": row(6, 2, left_out=0), "other": row(9, 1)}
    found = fresh("pod", {"streams": rows}, b"a\xff\n{}x", KNOWN, heard)
    assert found == {"stdout": (7, "a\ufffd\n"), "events": (6, "{}")}
    assert heard.messages == ["events: 0 bytes from the middle of a long log are not kept"]


STRANGE = [
    *(None, [], "x", {}, {"stdout": 7}, {"stdout": {"offset": 1}}, {"stdout": row(9, "1")}, {"stdout": row(9, -1)}),
    *({"stdout": row(9, 2)}, {"stdout": row(9, 2), "stderr": row(9, -1)}),
]


@pytest.mark.parametrize("streams", STRANGE)
def test_something_else(heard, streams):
    with pytest.raises(RemoteError, match="pod answered"):
        fresh("pod", {"streams": streams}, b"x", KNOWN, heard)


def test_more_than_was_asked_for_is_not_looked_at(heard):
    with pytest.raises(RemoteError, match="pod answered"):
        fresh("pod", {"streams": {"stdout": row(MOST_BYTES + 9, MOST_BYTES + 1)}}, bytes(MOST_BYTES + 1), KNOWN, heard)


@pytest.mark.parametrize(
    ("limit", "size", "seconds", "wanted"),
    [
        (LEAST_BYTES, LEAST_BYTES, 0.1, 4 * LEAST_BYTES),
        (LEAST_BYTES, LEAST_BYTES // 3, 0.1, 4 * LEAST_BYTES),
        (LEAST_BYTES, 100, 0.1, LEAST_BYTES),
        (MOST_BYTES // 2, MOST_BYTES // 2, 0.1, MOST_BYTES),
        (MOST_BYTES, MOST_BYTES, 0.1, MOST_BYTES),
        (MOST_BYTES, MOST_BYTES, 3.0, MOST_BYTES),
        (MOST_BYTES, MOST_BYTES, 6.0, MOST_BYTES // 2),
        (MOST_BYTES, 100, 9.0, MOST_BYTES),
        (LEAST_BYTES, LEAST_BYTES, 6.0, LEAST_BYTES),
    ],
)
def test_a_quick_line_is_asked_for_more_and_a_slow_one_for_less(limit, size, seconds, wanted):
    assert next_limit(limit, size, seconds) == wanted
