"""Locks on a local disk for what lies on a volume: volumes of pods have no flock to rely on."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.files import digest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from dgops.errors import DgopsError

LOOK_SECONDS = 0.5


@contextlib.contextmanager
def held(what: str, busy: Callable[[str], DgopsError], holder: str = "", seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock of a thing, waited for so long; then `busy` is asked for what to raise, with the holder's word."""
    # One place for all of a user's programs, whatever session they are of: XDG_RUNTIME_DIR is not.
    path = Path(tempfile.gettempdir()) / f"dgops-{os.getuid()}-{digest_bytes(what.encode())[:16]}.lock"
    until = time.monotonic() + seconds
    while (stream := _taken(path)) is None:
        if time.monotonic() >= until:
            raise busy(_word(path))
        time.sleep(LOOK_SECONDS)
    with stream:
        stream.truncate(0)
        stream.write(holder)
        stream.flush()
        try:
            yield
        finally:
            # Before it is let go of: who opened this one meanwhile sees that it is gone, and makes another.
            path.unlink(missing_ok=True)


def _taken(path: Path) -> TextIO | None:
    """Return the locked file, None where somebody else holds it."""
    while True:
        # Not emptied before it is locked: it says who holds it.
        stream = path.open("a+")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                return stream
        except FileNotFoundError:
            pass
        except OSError:
            stream.close()
            return None
        stream.close()


def _word(path: Path) -> str:
    try:
        return path.read_text().partition("\n")[0]
    except OSError:
        return ""
