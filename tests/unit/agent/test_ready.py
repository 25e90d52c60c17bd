"""One descriptor, waited for."""

import fcntl
import os
import resource

import pytest

from dgops.agent.ready import readable

BEYOND_SELECT = 1500


@pytest.fixture(params=["low", "beyond select"])
def pipe(request):
    """A pipe; its reading end once with a number that only `poll` takes."""
    reader, writer = os.pipe()
    if request.param != "low":
        if resource.getrlimit(resource.RLIMIT_NOFILE)[0] <= BEYOND_SELECT + 1:
            pytest.skip("this machine allows a process too few descriptors")
        low, reader = reader, fcntl.fcntl(reader, fcntl.F_DUPFD_CLOEXEC, BEYOND_SELECT)
        os.close(low)
    yield reader, writer
    for end in (reader, writer):
        try:
            os.close(end)
        except OSError:
            continue


def test_nothing_to_read_is_told_when_the_time_is_over(pipe):
    assert not readable(pipe[0], 0)
    assert not readable(pipe[0], 0.01)
    assert not readable(pipe[0], -5)


def test_what_is_there_is_told_at_once(pipe):
    os.write(pipe[1], b"x")
    assert readable(pipe[0], 0)
    assert readable(pipe[0], 60)


def test_the_end_can_be_read(pipe):
    os.close(pipe[1])
    assert readable(pipe[0], 60)
    assert os.read(pipe[0], 1) == b""
