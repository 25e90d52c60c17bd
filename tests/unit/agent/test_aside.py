"""Work beside the keeper: it answers, breaks, or hangs, and the keeper goes on."""

import fcntl
import os
import time

import pytest

from dgops.agent.aside import Aside


def test_an_answer():
    assert Aside().run(lambda: {"a": "x" * 300000}, 20) == {"a": "x" * 300000}


@pytest.mark.parametrize("work", [lambda: 1 / 0, lambda: os._exit(3), lambda: [1], lambda: {"a": object()}])
def test_what_breaks_is_no_answer(work, capfd):
    beside = Aside()
    assert beside.run(work, 20) is None
    assert beside.run(lambda: {"next": 1}, 20) == {"next": 1}


def test_what_hangs_is_left(tmp_path):
    beside = Aside()
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert beside.run(lambda: time.sleep(600) or {}, 0.1) is None
    # The child had the lock's descriptor too, and gave it away.
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert beside.run(lambda: {"next": 1}, 20) == {"next": 1}


def test_nothing_begins_beside_what_is_stuck():
    beside = Aside()
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    beside._stuck = child
    assert beside.run(lambda: {"next": 1}, 20) is None
    os.kill(child, 9)
    while beside.run(lambda: {"next": 1}, 20) is None:
        time.sleep(0.01)
