"""The keeper's last word, and whether it lives."""

import os
import subprocess

import pytest

from dgops.agent import live_spend, notes, spend, spend_guard


@pytest.fixture
def guard(monkeypatch, tmp_path):
    monkeypatch.setattr(notes, "FOLDER", str(tmp_path))
    return spend_guard.Guard(spend.Limits(ttl=60), [], {})


def tell(guard):
    guard.tell(spend.Verdict("go", "its TTL of 60 s", 50.0), spend.State(10.0, 0.5), ["no key"])


def test_nobody_said_anything(guard):
    assert live_spend.spend({}) == {"note": None}


def test_what_it_said_while_it_lives(guard):
    tell(guard)
    found = live_spend.spend({})
    assert found["note"] == {
        "action": "go",
        "reason": "its TTL of 60 s",
        "left": 50.0,
        "spent": 0.5,
        "troubles": ["no key"],
    }
    assert (0 <= found["age"] < 60, found["gone"]) == (True, None)


def test_anybody_may_read_it_whatever_the_keepers_mask(guard, monkeypatch, tmp_path):
    monkeypatch.setattr(notes, "FOLDER", str(tmp_path / "run"))
    before = os.umask(0o077)
    try:
        tell(guard)
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("run", "run/spend.json")] == [0o755, 0o644]


def test_one_that_is_gone(guard, monkeypatch):
    over = subprocess.Popen(["true"])
    monkeypatch.setattr(os, "getpid", lambda: over.pid)
    tell(guard)
    over.wait()
    assert live_spend.spend({})["gone"] == "the agent's process is gone"
