"""The double's process from outside: up, down, and where it answers."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.files import write_atomic
from dgops.sandbox import locks, machine
from dgops.sandbox.layout import layout_of

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.sandbox.layout import Layout
    from dgops.settings import Settings

_SECONDS = 20.0
_MODULE = "dgops.sandbox.runpod"


@dataclass(frozen=True)
class Double:
    """A double that answers: its address, its process and the key that it takes."""

    url: str
    pid: int
    key: str = field(repr=False)
    reused: bool = False


def up(settings: Settings) -> Double:
    """Start the double, or return the one that runs."""
    machine.require_root()
    layout = layout_of(settings)
    folder = _folder(layout)
    folder.mkdir(parents=True, exist_ok=True)
    with locks.hold(folder / "lock", _SECONDS):
        found = look(settings)
        if found:
            return Double(found.url, found.pid, found.key, reused=True)
        _end(folder)
        if not (folder / "key").is_file():
            write_atomic(folder / "key", f"sandbox_{secrets.token_hex(20)}\n", 0o600)
        (folder / "server.json").unlink(missing_ok=True)
        _start(settings, folder)
        return _await(settings, folder)


def down(settings: Settings) -> bool:
    """End the double's process; its pods stay until the sandbox goes. Tells whether there was one."""
    folder = _folder(layout_of(settings))
    if not folder.is_dir():
        return False
    with locks.hold(folder / "lock", _SECONDS):
        return _end(folder)


def forget(settings: Settings) -> bool:
    """End the double and drop what it knew; its containers are the caller's to remove."""
    ended = down(settings)
    shutil.rmtree(_folder(layout_of(settings)), ignore_errors=True)
    return ended


def rented(settings: Settings) -> list[str]:
    """Return the names of the pods that are rented at the double, whether it runs or not."""
    try:
        found = json.loads((_folder(layout_of(settings)) / "cloud.json").read_text())
        return [str(pod["body"]["name"]) for pod in found["pods"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def look(settings: Settings) -> Double | None:
    """Return the double if it answers."""
    folder = _folder(layout_of(settings))
    pid, url = _written(folder)
    if not pid or not _is_ours(pid, folder):
        return None
    key = (folder / "key").read_text().strip()
    request = urllib.request.Request(f"{url}/control", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
            return Double(url, pid, key) if answer.status == 200 else None
    except (OSError, urllib.error.URLError):
        return None


def _start(settings: Settings, folder: Path) -> None:
    argv = [sys.executable, "-m", _MODULE, str(settings.root), str(folder.parent.parent), str(settings.cache)]
    with (folder / "server.log").open("ab") as log:
        # A session of its own: it outlives the command and its terminal.
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, close_fds=True)


def _await(settings: Settings, folder: Path) -> Double:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        found = look(settings)
        if found:
            return found
        time.sleep(0.05)
    raise DgopsError(f"the double did not answer within {_SECONDS:.0f} s", f"look: {folder / 'server.log'}")


def _end(folder: Path) -> bool:
    pid, _ = _written(folder)
    if not pid or not _is_ours(pid, folder):
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _SECONDS
    while _is_ours(pid, folder):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    return True


def _is_ours(pid: int, folder: Path) -> bool:
    """Tell whether a process is this sandbox's double: numbers come back, and a zombie has no command line."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            return {_MODULE.encode(), str(folder.parent.parent).encode()} <= set(stream.read().split(b"\0"))
    except OSError:
        return False


def _written(folder: Path) -> tuple[int, str]:
    try:
        found = json.loads((folder / "server.json").read_text())
        return int(found["pid"]), str(found["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, ""


def _folder(layout: Layout) -> Path:
    return layout.folder / "runpod"
