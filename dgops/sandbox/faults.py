"""What can go wrong with a host, on demand: killed, paused, cut off, its disk full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.errors import DgopsError, UsageError
from dgops.sandbox import machine
from dgops.sandbox.hosts import known
from dgops.sandbox.layout import layout_of

if TYPE_CHECKING:
    from dgops.settings import Settings

_FILLER = ".filler"
# dd ends with an error exactly because the disk is full, which is what was asked for.
_FILL = ("dd", "if=/dev/zero", "bs=64k", "status=none")
_FILL_SECONDS = 60


def kill(name: str, settings: Settings) -> None:
    """End a host at once, as a crash of its machine does; `up` or `start` brings it back."""
    _call(name, settings, "kill", "--signal", "KILL")


def pause(name: str, settings: Settings) -> None:
    """Freeze every process of a host; its connections stay open and nothing answers."""
    _call(name, settings, "pause")


def unpause(name: str, settings: Settings) -> None:
    """Let a paused host go on."""
    _call(name, settings, "unpause")


def partition(name: str, settings: Settings) -> None:
    """Cut a host off the network: connections neither answer nor break."""
    _call(name, settings, "network", "disconnect", layout_of(settings).network)


def heal(name: str, settings: Settings) -> None:
    """Put a host that was cut off back on the network, on the same port."""
    _call(name, settings, "network", "connect", layout_of(settings).network)


def fill(name: str, folder: str, settings: Settings) -> None:
    """Fill one of the host's size-limited folders to the last byte; `drain` gives the space back.

    Any other folder lies on this machine's own disk, and is refused.
    """
    layout = layout_of(settings)
    if folder not in known(layout, name).spec.small:
        raise UsageError(f"{folder} is not a size-limited folder of {name}", 'HostSpec(…, small={"/home": "64m"})')
    filler = f"{folder.rstrip('/')}/{_FILLER}"
    with machine.at_work(layout) as engine:
        container = layout.container(name)
        ended = engine.attempt("exec", container, *_FILL, f"of={filler}", timeout=_FILL_SECONDS)
        if "No space left" not in ended.stderr:
            raise DgopsError(f"{folder} of {name} could not be filled: {ended.stderr.strip() or 'it has no end'}")


def drain(name: str, folder: str, settings: Settings) -> None:
    """Give back the space that `fill` took."""
    layout = layout_of(settings)
    known(layout, name)
    with machine.at_work(layout) as engine:
        engine.call("exec", layout.container(name), "rm", "-f", f"{folder.rstrip('/')}/{_FILLER}")


def _call(name: str, settings: Settings, *verb: str) -> None:
    layout = layout_of(settings)
    known(layout, name)
    with machine.at_work(layout) as engine:
        engine.call(*verb, layout.container(name))
