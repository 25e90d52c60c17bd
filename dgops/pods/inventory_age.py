"""How old what is known of rented pods may be, and that it is too old once something was changed from here."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dgops.files import write_atomic
from dgops.hosts import source

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.settings import Settings

# Seconds that what was told is believed: a pod that was evicted is seen to be so soon after, and one that is coming up
# is looked at again at once.
LIFE, SOON = 20.0, 3.0


def folder(settings: Settings) -> Path:
    """Return where the pods of this address are remembered."""
    return settings.state / "pods" / (urlsplit(settings.runpod_url).hostname or "unknown") / "inventory"


def until(settings: Settings) -> float:
    """Return until when nobody needs to ask, in seconds since 1970; 0 where somebody needs to now."""
    try:
        found = float((folder(settings) / "until").read_text())
    except (OSError, ValueError):
        return 0.0
    # A clock that was set back makes nothing younger.
    return found if 0 < found - time.time() <= LIFE else 0.0


def keep(settings: Settings, life: float) -> None:
    """Remember that what was just told is good for so many seconds."""
    # A folder that cannot be written to is no reason not to list hosts.
    with contextlib.suppress(OSError):
        write_atomic(folder(settings) / "until", f"{time.time() + life}\n", 0o600)


def expire(settings: Settings) -> None:
    """Have the next look ask anew."""
    (folder(settings) / "until").unlink(missing_ok=True)
    source.break_promises(settings)
