"""dgops pod logs: what the container printed, harmless for a terminal."""

import pytest

from dgops.errors import UsageError


def test_what_was_printed_line_by_line_and_nothing_that_steers_a_terminal(double, dgops):
    double.cloud.machines.lines = [("2026-06-01T12:00:00Z", "first"), ("2026-06-01T12:00:01Z", "\x1b[2Jsecond → here")]
    double.rent(name="dgops-one")
    code, out, _ = dgops("pod", "logs", "one")
    lines = out.splitlines()
    assert (code, len(lines)) == (0, 2)
    assert "first" in lines[0]
    assert lines[1].endswith("?[2Jsecond → here")


def test_a_pod_that_printed_nothing(double, dgops):
    double.cloud.machines.lines = []
    double.rent(name="dgops-one")
    assert dgops("pod", "logs", "one")[:2] == (0, "")


def test_a_pod_that_is_none(dgops):
    with pytest.raises(UsageError, match="no pod is called one"):
        dgops("pod", "logs", "one")
