"""The wait for GPUs: why is told when it changes, and no more often than somebody reads."""

import pytest

from dgops.agent import waiting


class Turn:
    """A place in a queue that moves by one at each look."""

    def __init__(self, *ahead):
        self.counts, self.asked = list(ahead), 0

    def ahead(self):
        return self.counts.pop(0) if self.counts else 0

    def take(self, wanted, present):
        self.asked += 1
        return {0: 7} if self.asked > 2 else {}


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass by sleeping only; returns the moments."""
    moments = [0.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: moments[-1])
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: moments.append(moments[-1] + seconds))
    return moments


def test_only_the_first_asks_and_why_it_waits_is_told(clock):
    turn, told = Turn(2, 2, 1), []
    assert waiting.wait_for(turn, {"count": 1}, [0], told.append, lambda: None) == {0: 7}
    assert told == ["waits for a GPU, 2 jobs before it", "waits for a GPU"]
    assert turn.asked == 3


def test_a_queue_that_moves_fast_is_told_now_and_then(clock):
    told = []
    waiting.wait_for(Turn(*range(300, 0, -1)), {"ids": [0, 2]}, [0, 1, 2], told.append, lambda: None)
    assert told[0] == "waits for GPU 0, 2, 300 jobs before it"
    assert told[-1] == "waits for GPU 0, 2"
    assert len(told) <= clock[-1] / waiting.TELL + 3


def test_who_stands_far_behind_looks_seldom_and_hears_of_a_cancel_at_once(clock):
    ticks = []

    def tick():
        ticks.append(clock[-1])
        if len(ticks) == 30:
            raise KeyboardInterrupt

    turn = Turn(*[200] * 100)
    with pytest.raises(KeyboardInterrupt):
        waiting.wait_for(turn, {"count": 1}, [0], lambda _reason: None, tick)
    assert 100 - len(turn.counts) <= 4
    assert clock[-1] <= 30 * waiting.TICK
