"""One line for each step that is over, with the seconds it took."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def step(report: Callable[[str], None], what: str) -> Iterator[None]:
    """Report what was done once it is done; a step that failed speaks through its error."""
    begun = time.monotonic()
    yield
    report(f"{what:<44}{time.monotonic() - begun:7.1f} s")
