"""Results in order, whatever a task does to its process."""

import math
import os
import signal

from dgops.dataset import workers
from dgops.dataset.workers import Crash, Workers

# Work that another process knows by name.
ROOTS = [math.factorial(number) for number in range(20)]


def spread(function, tasks, count=2):
    pool = Workers(count)
    try:
        return pool.map(function, tasks)
    finally:
        pool.close()


def test_results_keep_their_order():
    assert spread(math.factorial, range(20)) == ROOTS
    assert spread(math.factorial, range(20), count=1) == ROOTS


def test_a_task_that_ends_its_process_is_a_crash_and_the_others_go_on():
    found = spread(signal.raise_signal, [0, 0, 0, int(signal.SIGKILL), 0, 0, 0])
    assert found == [None, None, None, Crash(), None, None, None]


def test_a_pool_serves_again_after_a_crash():
    pool = Workers(2)
    try:
        assert Crash() in pool.map(signal.raise_signal, [0, int(signal.SIGKILL), 0, 0, 0, 0])
        assert pool.map(math.factorial, range(20)) == ROOTS
    finally:
        pool.close()


def test_without_processes_everything_is_done_here(monkeypatch):
    def fail(count):
        raise OSError(38, "no semaphores")

    monkeypatch.setattr(workers, "_pool", fail)
    assert spread(math.factorial, range(20)) == ROOTS


def test_few_tasks_start_no_process():
    assert set(spread(pid, range(3))) == {os.getpid()}


def pid(_):
    return os.getpid()
