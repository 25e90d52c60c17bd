"""One kept mount namespace, in which the cgroup hierarchy that crun refuses is not mounted.

A fresh namespace per call would not do: podman mounts a bridge network's namespace file where only the
same mount namespace sees it again.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from dgops.errors import DgopsError

_TRIES = 20


def ensure(run_folder: Path, unified: str) -> tuple[str, ...]:
    """Make the namespace, or what is missing of it, and return the argv that leads in.

    The caller holds the machine's lock. Whatever a killed run left half-made is finished here.
    """
    folder, handle = _places(run_folder)
    folder.mkdir(parents=True, exist_ok=True)
    if str(folder) not in _mount_points():
        _run("mount", "--bind", str(folder), str(folder))
    # The kernel refuses to mount a namespace's handle where mounts propagate.
    _run("mount", "--make-private", str(folder))
    if str(handle) not in _mount_points():
        handle.touch()
        _make(handle)
    entrance = ("nsenter", f"--mount={handle}", "--")
    if unified in _points(_run(*entrance, "cat", "/proc/self/mounts")):
        _run(*entrance, "umount", unified)
    return entrance


def remove(run_folder: Path) -> None:
    """Take the namespace away; what never was is fine."""
    for place in reversed(_places(run_folder)):
        while str(place) in _mount_points():
            _run("umount", str(place))
    folder, handle = _places(run_folder)
    handle.unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()


def _make(handle: Path) -> None:
    """Start a mount namespace and keep it at handle."""
    for tries_left in reversed(range(_TRIES)):
        try:
            # A slave sees what is mounted outside later on, and shows nothing of its own.
            _run("unshare", f"--mount={handle}", "--propagation=slave", "true")
        except DgopsError:
            # Kernels that number namespaces per processor may take a new one for an elder, and refuse to
            # keep an elder in a younger. On another processor, or later, it is the younger.
            if not tries_left:
                raise
            time.sleep(0.05)
        else:
            return


def _places(run_folder: Path) -> tuple[Path, Path]:
    return run_folder / "namespace", run_folder / "namespace" / "mnt"


def _mount_points() -> list[str]:
    return _points(Path("/proc/self/mounts").read_text())


def _points(mounts: str) -> list[str]:
    return [line.split()[1] for line in mounts.splitlines() if len(line.split()) > 1]


def _run(*argv: str) -> str:
    completed = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    if completed.returncode != 0:
        raise DgopsError(
            f"could not prepare a mount namespace for podman: {' '.join(argv)}: {completed.stderr.strip()}",
            "this needs root with CAP_SYS_ADMIN",
        )
    return completed.stdout
