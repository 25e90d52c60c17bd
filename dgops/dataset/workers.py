"""Processes that work on images side by side; results come in the order of the tasks, whoever was first."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")
MOST = 8
# Below this, starting processes costs more than they save.
FEW = 6
# Seconds for one image; whatever takes longer hangs, and its process is ended.
LIMIT = 120


@dataclass(frozen=True)
class Crash:
    """Stands where a result would: this task ended its process, twice."""


class Workers:
    """A pool that starts when it is needed; without one, everything is done in this process.

    A task that ends its process (a decoder that falls over, or that hangs) is a Crash, and the others go on.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count or min(MOST, len(os.sched_getaffinity(0)))
        self._pool: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[T], R], tasks: Sequence[T]) -> list[R | Crash]:
        """Return function(task) for each task; both have to be known by name in another process."""
        if self.count < 2 or len(tasks) < FEW:
            return [function(task) for task in tasks]
        try:
            self._pool = self._pool or _pool(self.count)
            pending = [self._pool.submit(_limited, function, task) for task in tasks]
        except BrokenProcessPool:
            pending = []
        except OSError:
            # No semaphores or no processes left for us here: slower, and the same result.
            self.close()
            return [function(task) for task in tasks]
        return self._gather(function, tasks, pending)

    def close(self) -> None:
        """End the processes."""
        pool, self._pool = self._pool, None
        if pool:
            pool.shutdown(cancel_futures=True)

    def _gather(self, function: Callable[[T], R], tasks: Sequence[T], pending: list[Future[R]]) -> list[R | Crash]:
        results: list[R | Crash] = []
        for index, task in enumerate(tasks):
            try:
                results.append(pending[index].result())
            except (BrokenProcessPool, IndexError):
                # One of them ended the pool; which, only shows when each has a process to itself.
                self.close()
                results.append(_alone(function, task))
        return results


def _pool(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"), initializer=_start)


def _alone(function: Callable[[T], R], task: T) -> R | Crash:
    with _pool(1) as pool:
        try:
            return pool.submit(_limited, function, task).result()
        except BrokenProcessPool:
            return Crash()


def _start() -> None:
    # Ctrl-C is the parent's to answer; a parent that was killed takes its workers with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


def _die_with(sentinel: Any) -> None:
    connection.wait([sentinel])
    os._exit(1)


def _limited(function: Callable[[T], R], task: T) -> R:
    signal.alarm(LIMIT)
    try:
        return function(task)
    finally:
        signal.alarm(0)
