"""The wheel cache: a folder of whole wheels that venvs are made from; what it lacks is downloaded into it."""

from __future__ import annotations

import glob
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import contextmanager
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, NoReturn, Optional, Sequence, Tuple, Union

from dgops.agent.pins import Pin, canonical, locked

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
DOWNLOAD_SECONDS = 3600
STALE_SECONDS = 3600
SCRATCH = ".dgops-scratch-"


def stop(message: str) -> NoReturn:
    """End with a message for a person."""
    sys.exit("error: " + message)


def fetch(pins: Sequence[Pin], cache: str, index_url: str = "") -> Tuple[Dict[Pin, str], List[str]]:
    """Return the wheel of each pin, and the names of those that had to be downloaded."""
    tags = _tags()
    held = {pin: cached(pin, cache, tags) for pin in pins}
    missing = [pin for pin, path in held.items() if path is None]
    # A local version such as 2.5.1+cu121 is only at its own index, and nothing else is asked of that one.
    special = [pin for pin in missing if index_url and "+" in pin.version]
    plain = [pin for pin in missing if pin not in special]
    groups = ((plain, ""), (special, index_url))
    downloaded = [name for group, index in groups if group for name in download(group, cache, index)]
    held.update((pin, cached(pin, cache, tags)) for pin in missing)
    found = {pin: path for pin, path in held.items() if path is not None}
    for pin in pins:
        if pin not in found:
            stop("{} {} was downloaded and yet suits neither lock nor Python".format(pin.name, pin.version))
    return found, downloaded


def cached(pin: Pin, cache: str, tags: FrozenSet[Any]) -> Optional[str]:
    """Return the wheel of a pin in the cache that suits this Python and has a hash of the lock, or None."""
    utils = importlib.import_module("packaging.utils")
    for path in glob.glob(os.path.join(glob.escape(cache), "*.whl")):
        try:
            name, version, _, suits = utils.parse_wheel_filename(os.path.basename(path))
        except utils.InvalidWheelFilename:
            continue
        fits = (canonical(name), str(version)) == (pin.name, pin.version) and not suits.isdisjoint(tags)
        if fits and "sha256:" + sha256(path).hexdigest() in pin.hashes:
            return path
    return None


def _tags() -> FrozenSet[Any]:
    # Debian's packaging is on every host, but nothing else of the agent needs it, and the agent imports without it.
    return frozenset(importlib.import_module("packaging.tags").sys_tags())


def download(pins: Sequence[Pin], cache: str, index_url: str) -> List[str]:
    """Download wheels into the cache: under another name first, so that the cache holds whole files only."""
    pip = sorted(
        glob.glob("/usr/share/python-wheels/pip-*.whl")
        + glob.glob(os.path.join(os.path.dirname(os.__file__), "ensurepip", "_bundled", "pip-*.whl"))
    )
    if not pip:
        stop("no pip to download with: install python3-venv on the host")
    with scratch(cache) as folder:
        requirements = os.path.join(folder, "requirements.txt")
        write(requirements, "".join(pin.line + "\n" for pin in pins))
        # A wheel is a zip that Python can run out of: no venv is needed for it.
        argv = [sys.executable, os.path.join(pip[-1], "pip"), "download", "--quiet", "--no-deps", "--no-input"]
        argv += ["--require-hashes", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check"]
        argv += ["--progress-bar=off", "--retries=2", "--timeout=30", "--dest", folder, "-r", requirements]
        argv += ["--extra-index-url", index_url] if index_url else []
        run(argv, DOWNLOAD_SECONDS)
        wheels = [name for name in os.listdir(folder) if name.endswith(".whl")]
        for name in wheels:
            os.replace(os.path.join(folder, name), os.path.join(cache, name))
    return sorted(wheels)


def ensure_uv(path: str, lock: str, cache: str) -> List[str]:
    """Take uv's program out of its wheel where it is missing or of another version; returns what was downloaded.

    `lock` is the text of uv's lock.
    """
    pin = locked(lock)["uv"]
    if os.path.exists(path) and run([path, "--version"], 60).split()[1:2] == [pin.version]:
        return []
    found, downloaded = fetch([pin], cache)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    require_space(path, [found[pin]], 1)
    with zipfile.ZipFile(found[pin]) as wheel:
        member = next(name for name in wheel.namelist() if name.endswith(".data/scripts/uv"))
        write(path + ".new", wheel.read(member), 0o755)
    os.replace(path + ".new", path)
    return downloaded


def require_space(path: str, wheels: Iterable[str], copies: int) -> None:
    """Stop where the disk that path is on cannot hold the wheels unpacked, so that nothing is left half-done."""
    need = 0
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            need += copies * sum(member.file_size for member in archive.infolist())
    free = shutil.disk_usage(os.path.dirname(path)).free
    if need > free:
        numbers = path, need // 1000000 + 1, free // 1000000
        stop("No space left on device: {} needs {} MB for the moment, {} MB are free".format(*numbers))


@contextmanager
def scratch(parent: str) -> Iterator[str]:
    """Give a folder that is gone afterwards; what a killed run left of one goes too."""
    for old in glob.glob(os.path.join(glob.escape(parent), SCRATCH + "*")):
        if os.stat(old).st_mtime < time.time() - STALE_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=parent) as folder:
        yield folder


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
    environment = dict(os.environ)
    if os.path.exists(BUNDLE):
        # pip in a venv and uv bring certificates of their own, without those of a company's proxy.
        environment = {"PIP_CERT": BUNDLE, "SSL_CERT_FILE": BUNDLE, **environment}
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, env=environment
        )
    except subprocess.TimeoutExpired:
        stop("{} took longer than {} s".format(" ".join(argv[:3]), seconds))
    if done.returncode and not tolerate:
        sys.stderr.write((done.stderr or done.stdout).strip() + "\n")
        stop("{} ended with exit {}".format(" ".join(argv[:3]), done.returncode))
    return done.stdout
