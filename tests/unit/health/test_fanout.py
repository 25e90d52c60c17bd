"""Work for many hosts at once: in order, errors passed on, and nobody waits for a slow host after an interrupt."""

import threading
import time

import pytest

from dgops.health.fanout import each


def test_in_order_and_at_once():
    together = threading.Barrier(3)

    def work(item):
        together.wait(10)
        return item * 2

    assert list(each(work, [1, 2, 3], 3)) == [2, 4, 6]
    assert list(each(work, [], 3)) == []


def test_no_more_than_the_workers():
    running, most = [], []

    def work(item):
        running.append(item)
        most.append(len(running))
        time.sleep(0.01)
        running.remove(item)

    list(each(work, range(8), 2))
    assert max(most) <= 2


def test_what_work_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(each(lambda item: 1 // item, [0], 1))


def test_left_early_it_waits_for_nobody_and_starts_nothing_more():
    started, release = [], threading.Event()

    def work(item):
        started.append(item)
        if item:
            release.wait(10)

    found = each(work, [0, 1, 2, 3], 1)
    next(found)
    before = time.monotonic()
    found.close()
    assert time.monotonic() - before < 1
    release.set()
    time.sleep(0.05)
    assert 3 not in started
