"""One sync at a time for a repository, and for a folder of artifacts: a lock that a killed holder frees."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING

from dgops.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dgops.git.repository import Repository

PATIENCE = 120.0
PAUSE = 0.1
FILE = "dgops-sync"


@contextlib.contextmanager
def hold(
    repository: Repository, say: Callable[[str], None], patience: float = PATIENCE, name: str = FILE
) -> Iterator[None]:
    """Hold a lock of the repository's, which all its work trees share; raises BusyError after so many seconds."""
    common = repository.folder / repository.text("rev-parse", "--git-common-dir")
    descriptor = os.open(common / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + patience
    told = False
    try:
        while not _locked(descriptor):
            if not told:
                say(f"another sync is at work in {repository.folder}; waiting for it")
                told = True
            if time.monotonic() > until:
                raise BusyError(f"another sync has been at work in {repository.folder} for {patience:g} s", "try later")
            time.sleep(PAUSE)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
