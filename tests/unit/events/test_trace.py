"""One trace id for a command and all that works for it."""

import re

import pytest

from dgops.events import trace

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(autouse=True)
def anew():
    trace.trace_id.cache_clear()
    yield
    trace.trace_id.cache_clear()


def test_what_was_handed_down_goes_on(monkeypatch):
    monkeypatch.setenv("TRACEPARENT", PARENT)
    assert trace.trace_id() == PARENT.split("-")[1]
    assert trace.traceparent().split("-")[1] == trace.trace_id()
    assert trace.traceparent() != PARENT


@pytest.mark.parametrize(
    "parent", ["", "rubbish", "01-" + PARENT[3:], f"00-{'0' * 32}-00f067aa0ba902b7-01", PARENT.upper(), PARENT + "\n"]
)
def test_anything_else_begins_a_trace(monkeypatch, parent):
    monkeypatch.setenv("TRACEPARENT", parent)
    assert re.fullmatch("[0-9a-f]{32}", trace.trace_id())
    assert trace.trace_id() not in parent
    assert trace.trace_id() == trace.trace_id()
    assert trace.FORM.fullmatch(trace.traceparent())
