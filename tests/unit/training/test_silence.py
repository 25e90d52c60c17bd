"""Silence: every trainer has its rule, and none ends a training that only takes its time."""

from dgops.training.silence import LEAST, stall
from dgops.training.trainer import TRAINERS


def test_every_trainer():
    assert LEAST.keys() == TRAINERS.keys()
    assert all(not stall(name).stop and stall(name).least >= 300 for name in TRAINERS)
    # One that is stuck before its first step is told as well.
    assert all(stall(name).from_start for name in TRAINERS)
