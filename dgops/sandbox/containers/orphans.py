"""Containers that run although podman, killed half-way, never wrote them down."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from dgops.errors import DgopsError

_SECONDS = 10


@dataclass(frozen=True)
class Monitor:
    """The process that watches one container for podman."""

    pid: int
    name: str
    container: str
    runtime: str


def end(name: str) -> None:
    """End every container of that name which the engine has forgotten, and its monitor."""
    begun = time.monotonic()
    while found := [monitor for monitor in monitors() if monitor.name == name]:
        elapsed = time.monotonic() - begun
        if elapsed > _SECONDS:
            raise DgopsError(f"a container named {name} does not end", f"kill -9 {found[0].pid}")
        for monitor in found:
            argv = [monitor.runtime, "delete", "--force", monitor.container]
            subprocess.run(argv, capture_output=True, timeout=_SECONDS, check=False)
            # With its container gone a monitor ends by itself; one that never got a container would stay.
            if elapsed > _SECONDS / 2:
                with suppress(ProcessLookupError):
                    os.kill(monitor.pid, signal.SIGKILL)
        time.sleep(0.05)


def monitors(proc: Path = Path("/proc")) -> list[Monitor]:
    """Return the running monitors."""
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):  # it ended while we looked
            monitor = parse(int(entry.name), (entry / "cmdline").read_bytes())
            if monitor:
                found.append(monitor)
    return found


def parse(pid: int, cmdline: bytes) -> Monitor | None:
    """Read a monitor's command line: `conmon … -c ID … -r RUNTIME … -n NAME …`."""
    words = cmdline.decode(errors="replace").split("\0")
    if Path(words[0]).name != "conmon":
        return None
    options = {word: value for word, value in pairwise(words) if word in ("-c", "-r", "-n")}
    if len(options) < 3:
        return None
    return Monitor(pid, options["-n"], options["-c"], options["-r"])
