"""Whatever happens in whatever order: every version that a sync saw or a commit held is found, and parity is true."""

import os

import pytest
from edits import EDITS
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as some
from ledger import ATTRIBUTES, Ledger
from soak import SOAK

from dgops.agent import replica

HOW = [*["plain"] * 8, "dry", "status", *["cut"] * 3, *["kill"] * 3, *["agent"] * 2, *["fill"] * 2, "take"]
FATES = [*[""] * 24, "restart", "empty", "older", "forget", "commit", *["merge"] * 4, *ATTRIBUTES]
ROUNDS = some.tuples(
    some.lists(EDITS, min_size=1, max_size=4),
    some.sampled_from(FATES),
    some.sampled_from(HOW),
    some.integers(1, 50),
    some.sampled_from([True, True, True, False]),
)
# A script is a second: to make one smaller that fails would take longer than to read it.
STEADY = settings(
    derandomize=True,
    max_examples=2000 if SOAK else 200,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    # What a killed agent leaves half written is old at once, and what a killed process wrote is with the kernel.
    monkeypatch.setattr(replica, "ABANDONED", -60)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    (tmp_path / "world").mkdir()
    return Ledger(tmp_path / "world")


def edit(side, what, path):
    return side, what, path, 1


LARGE = [
    ([edit("host", "large", "d/x"), edit("home", "large", "new.py")], "", "kill", 9, True),
    ([edit("host", "large", "d"), edit("host", "rename", "F1.py")], "", "cut", 9, True),
]
IMAGE = [
    ([edit("host", "link", "d"), edit("loose", "write", "f1.py")], "restart", "fill", 1, True),
    ([edit("host", "write", "cafe\u0301.txt"), edit("home", "write", "caf\u00e9.txt")], "older", "take", 1, True),
]


@STEADY
@example(LARGE)
@example(IMAGE)
@given(some.lists(ROUNDS, min_size=1, max_size=4))
def test_no_version_is_ever_lost(ledger, rounds):
    ledger.begin(meant=any(fate in ATTRIBUTES for _, fate, _, _, _ in rounds))
    for edits, fate, how, number, allow in rounds:
        for one in edits:
            ledger.edit(*one)
        ledger.meet(fate)
        ledger.sync_how(how, number, allow)
    ledger.both_equal()
