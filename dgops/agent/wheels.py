"""The wheel cache: a folder of whole wheels that venvs are made from."""

from __future__ import annotations

import glob
import hashlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterable, List, NoReturn, Optional, Tuple, Union

from dgops.agent import mounts, process, wheel_notes
from dgops.agent.pins import Pin, canonical
from dgops.agent.scratch import scratch

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
FULL = "No space left on device"


@dataclass(frozen=True)
class Wheel:
    """A file of the cache by what its name says."""

    path: str
    name: str
    version: str
    tags: FrozenSet[Any]


def stop(message: str) -> NoReturn:
    """End with a message for a person."""
    sys.exit("error: " + message)


def near_of(cache: str) -> str:
    """Return the local folder for copies of a cache's wheels; nothing where the cache itself is local."""
    if not mounts.is_network(mounts.filesystem(cache)):
        return ""
    near = os.path.join(os.path.expanduser("~"), ".cache", "dgops", "wheel-cache")
    os.makedirs(near, exist_ok=True)
    return near


def shelf(cache: str) -> List[Wheel]:
    """Return the wheels of a folder; a file whose name is none of a wheel is passed over, and so is a link."""
    utils = _packaging("utils")
    found = []
    for path in sorted(glob.glob(os.path.join(glob.escape(cache), "*.whl"))):
        try:
            name, version, _, tags = utils.parse_wheel_filename(os.path.basename(path))
        except utils.InvalidWheelFilename:
            continue
        if os.path.islink(path):
            # What it leads to may be another file tomorrow.
            continue
        found.append(Wheel(path, canonical(name), str(version), tags))
    return found


def proven(
    pins: Iterable[Pin], cache: str, notes: Optional[wheel_notes.Notes] = None
) -> Tuple[Dict[Pin, str], Dict[Pin, str]]:
    """Return the wheel of each pin that suits this Python and has a hash of the lock; second, those of another hash.

    Where notes are given, a file that nobody touched since it was noted is not read again, and what is read is noted.
    """
    wanted, tags = list(pins), frozenset(_packaging("tags").sys_tags())
    by_pin: Dict[Tuple[str, str], List[Wheel]] = {}
    for wheel in shelf(cache) if wanted else ():
        if not wheel.tags.isdisjoint(tags):
            by_pin.setdefault((wheel.name, wheel.version), []).append(wheel)
    good: Dict[Pin, str] = {}
    altered: Dict[Pin, str] = {}
    for pin in wanted:
        for wheel in by_pin.get((pin.name, pin.version), ()):
            whole = "sha256:" + digest(wheel.path, notes) in pin.hashes
            (good if whole else altered).setdefault(pin, wheel.path)
    return good, {pin: path for pin, path in altered.items() if pin not in good}


def digest(path: str, notes: Optional[wheel_notes.Notes] = None) -> str:
    """Return a file's sha256 in hex, from the notes where it was not touched since."""
    name = os.path.basename(path)
    known = notes.believed(name) if notes else None
    if known is not None:
        return known
    found = sha256(path).hexdigest()
    if notes:
        notes.note(name, found)
    return found


def brought(wheels: Dict[Pin, str], folder: str) -> Dict[Pin, str]:
    """Copy wheels into another folder, whole and proven or not at all; a link could not be told from its cache."""
    require_free(folder, sum(os.path.getsize(path) for path in wheels.values()))
    found = {}
    with scratch(folder) as temporary:
        for pin, path in wheels.items():
            copy = os.path.join(temporary, os.path.basename(path))
            shutil.copyfile(path, copy)
            if "sha256:" + sha256(copy).hexdigest() not in pin.hashes:
                stop("{} changed while it was copied".format(path))
            found[pin] = place(copy, folder)
    return found


def place(path: str, folder: str) -> str:
    """Give a whole file its name in a folder of the same file system, once its bytes are on disk."""
    with open(path, "rb") as stream:
        wheel_notes.show_to_all(stream.fileno())
        os.fsync(stream.fileno())
    final = os.path.join(folder, os.path.basename(path))
    os.replace(path, final)
    return final


def require_space(path: str, wheels: Iterable[str], copies: int) -> None:
    """Stop where the disk that path is on cannot hold the wheels unpacked, so that nothing is left half-done."""
    need = 0
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            need += copies * sum(member.file_size for member in archive.infolist())
    require_free(os.path.dirname(path), need, path)


def require_free(folder: str, need: int, what: str = "") -> None:
    """Stop where the disk of a folder has not `need` bytes for users."""
    free = shutil.disk_usage(folder).free
    if need > free:
        numbers = FULL, what or folder, need // 1000000 + 1, free // 1000000
        stop("{}: {} needs {} MB for the moment, {} MB are free".format(*numbers))


def write(path: str, content: Union[str, bytes], mode: int = 0o644) -> None:
    """Write a file of its own mode."""
    with open(path, "wb") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(content.encode() if isinstance(content, str) else content)


def sha256(path: str) -> "hashlib._Hash":
    """Return the running digest of a whole file."""
    total = hashlib.sha256()
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            total.update(chunk)
    return total


def run(argv: List[str], seconds: float, tolerate: bool = False) -> str:
    """Return what a program prints; where it fails its own words come first."""
    done = started(argv, seconds)
    if done.returncode and not tolerate:
        sys.stderr.write((done.stderr or done.stdout).strip() + "\n")
        stop("{} ended with exit {}".format(" ".join(argv[:3]), done.returncode))
    return done.stdout


def started(argv: List[str], seconds: float, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, which comes in any case."""
    environment = {**os.environ, **variables}
    if os.path.exists(BUNDLE):
        # pip in a venv and uv bring certificates of their own, without those of a company's proxy.
        environment = {"PIP_CERT": BUNDLE, "SSL_CERT_FILE": BUNDLE, **environment}
    try:
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=seconds,
            env=environment,
            # A killed run must not leave a download behind that goes on.
            preexec_fn=lambda: process.control(process.PR_SET_PDEATHSIG, signal.SIGKILL),
        )
    except subprocess.TimeoutExpired:
        stop("{} took longer than {} s".format(" ".join(argv[:3]), seconds))


def ready() -> None:
    """Load what is loaded late otherwise: another user may not read where it lies."""
    _packaging("utils")
    list(_packaging("tags").sys_tags())


def _packaging(name: str) -> Any:
    # Debian's packaging is on every host, but nothing else of the agent needs it, and the agent imports without it.
    try:
        return importlib.import_module("packaging." + name)
    except ImportError:
        stop("{} has no module packaging: install python3-packaging".format(sys.executable))
