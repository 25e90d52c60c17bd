"""A folder for one run of Ansible; what a run that was killed outright left behind goes with the next one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.transport.multiplex import close_masters

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "dgops-deploy-"
CONTROL = "cp"
# A folder this young may belong to a run that has not locked it yet.
YOUNG = 30.0


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Yield a new folder; at the end the ssh connections whose control sockets lie in it are ended, then it goes."""
    sweep()
    # A short path, since a control socket's may have no more than about a hundred characters.
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        # The lock ends with its holder, however that ends.
        held = os.open(name, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            close_masters(Path(name) / CONTROL)
            os.close(held)


def sweep() -> None:
    """Take away this user's folders that nobody holds any more, with the connections that they still keep."""
    for found in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            status = found.lstat()
            if status.st_uid == os.geteuid() and time.time() - status.st_mtime > YOUNG:
                _take_away(found)


def _take_away(found: Path) -> None:
    held = os.open(found, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        close_masters(found / CONTROL)
        shutil.rmtree(found, ignore_errors=True)
    finally:
        os.close(held)
