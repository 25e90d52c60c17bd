"""One piece of work for many hosts at once, in threads that an interrupted command does not wait for."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(work: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    """Yield work(item) in the order of items, so many at once; what work raises is raised here.

    Not a ThreadPoolExecutor: leaving one, and leaving Python with one, waits for the slowest host.
    """
    slots: list[Future[Result]] = [Future() for _ in items]
    waiting = deque(zip(items, slots, strict=True))
    for _ in range(min(workers, len(items))):
        threading.Thread(target=_work_off, args=(work, waiting), daemon=True).start()
    try:
        for slot in slots:
            yield slot.result()
    finally:
        waiting.clear()


def _work_off(work: Callable[[Item], Result], waiting: deque[tuple[Item, Future[Result]]]) -> None:
    while waiting:
        try:
            item, slot = waiting.popleft()
        except IndexError:
            return
        try:
            slot.set_result(work(item))
        except BaseException as error:  # noqa: BLE001 - raised again where the result is waited for
            slot.set_exception(error)
