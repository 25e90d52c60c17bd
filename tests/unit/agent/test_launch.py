"""What a job's command finds in its environment."""

import os

import pytest

from dgops.agent import launch

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def environment(correlation):
    spec = {"id": "7f3a0000", "env": {"A": "b"}, "correlation": correlation}
    return launch.environment("/jobs/7f3a0000", {"spec": spec, "secrets": {"S": "hidden"}}, {})


def test_the_trace_goes_on_in_what_the_job_calls():
    found = environment(TRACE)
    version, trace, span, flags = found["TRACEPARENT"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert len(span) == 16
    assert found["DGOPS_CORRELATION_ID"] == TRACE


@pytest.mark.parametrize("correlation", ["89abcdef", TRACE.upper(), f"{TRACE}\n", ""])
def test_what_is_no_trace_is_not_handed_on(correlation):
    assert "TRACEPARENT" not in environment(correlation)


def test_what_the_connection_brought_stays_outside(monkeypatch):
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    monkeypatch.setitem(os.environ, "LD_PRELOAD", "x.so")
    found = environment(TRACE)
    assert not {"SSH_AUTH_SOCK", "LD_PRELOAD"} & set(found)
    assert (found["A"], found["S"], found["DGOPS_JOB_DIR"]) == ("b", "hidden", "/jobs/7f3a0000")
