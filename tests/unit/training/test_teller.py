"""Events of a training: one line of JSON each for whoever listens, and no reason to stop where nobody does."""

import contextlib
import json
import os

import pytest

from dgops.training.teller import EVENTS_FD, Teller


@pytest.fixture
def pipe(monkeypatch):
    reading, writing = os.pipe()
    monkeypatch.setenv(EVENTS_FD, str(writing))
    yield reading, writing
    for one in (reading, writing):
        with contextlib.suppress(OSError):
            os.close(one)


def test_each_event_is_a_line(pipe):
    Teller().tell("step", "12/20\nstill one line", step=12, loss=0.5)
    Teller().tell("failed", "日本", "error")
    lines = os.read(pipe[0], 1 << 16).splitlines()
    assert [json.loads(one) for one in lines] == [
        {
            "event": "training.step",
            "msg": "12/20\nstill one line",
            "level": "info",
            "fields": {"step": 12, "loss": 0.5},
        },
        {"event": "training.failed", "msg": "日本", "level": "error", "fields": {}},
    ]


def test_who_listened_may_be_gone(pipe):
    """The job's supervisor was killed: the training goes on without."""
    teller = Teller()
    os.close(pipe[0])
    teller.tell("step", "12/20")
    os.close(pipe[1])
    teller.tell("step", "13/20")


@pytest.mark.parametrize("said", [None, "", "x", "-1"])
def test_outside_of_a_job_nobody_listens(monkeypatch, said):
    monkeypatch.delenv(EVENTS_FD, raising=False)
    if said is not None:
        monkeypatch.setenv(EVENTS_FD, said)
    Teller().tell("step", "12/20")
