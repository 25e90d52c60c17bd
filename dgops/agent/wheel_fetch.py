"""Wheels for the pins of a lock: out of the cache, and what it lacks is downloaded into it."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING, Dict, List, NoReturn, Optional, Sequence, Tuple

from dgops.agent.scratch import prefix, scratch
from dgops.agent.wheels import FULL, brought, near_of, place, proven, sha256, started, stop

if TYPE_CHECKING:
    import subprocess

    from dgops.agent.pins import Pin

DOWNLOAD_SECONDS = 3600


def fetch(
    pins: Sequence[Pin], cache: str, index_url: str = "", near: Optional[str] = None
) -> Tuple[Dict[Pin, str], List[str]]:
    """Return a wheel of each pin whose hash is the lock's, and the names of those that had to be downloaded.

    Of a cache on a network's file system, copies in `near` (a local folder, by default the user's own) are given.
    With everything there no network is asked. Ends with a message where a wheel cannot be had.
    """
    near = near_of(cache) if near is None else near
    held = proven(pins, near)[0] if near else {}
    missing = [pin for pin in pins if pin not in held]
    here, altered = proven(missing, cache)
    absent = [pin for pin in missing if pin not in here]
    downloaded = download(absent, cache, index_url, altered)
    here.update(proven(absent, cache)[0])
    for pin in absent:
        if pin not in here:
            stop("{} {} was downloaded and yet suits neither lock nor Python".format(pin.name, pin.version))
    held.update(brought(here, near) if near else here)
    return {pin: held[pin] for pin in pins}, downloaded


def download(pins: Sequence[Pin], cache: str, index_url: str, altered: Dict[Pin, str]) -> List[str]:
    """Download wheels into the cache and return their names; `altered` are the files that they replace."""
    # A local version such as 2.5.1+cu121 is only at its own index, and nothing else is asked of that one.
    special = [pin for pin in pins if index_url and "+" in pin.version]
    groups = (([pin for pin in pins if pin not in special], ""), (special, index_url))
    return sorted(name for group, index in groups if group for name in _download(group, cache, index, altered))


def _download(pins: Sequence[Pin], cache: str, index_url: str, altered: Dict[Pin, str]) -> List[str]:
    with scratch(_workplace(cache)) as folder:
        requirements, wheels = os.path.join(folder, "requirements.txt"), os.path.join(folder, "wheels")
        os.mkdir(wheels)
        with open(requirements, "w") as stream:
            stream.write("".join(pin.line + "\n" for pin in pins))
        argv = [*_pip(), "download", "--quiet", "--no-deps", "--no-input", "--require-hashes", "--only-binary=:all:"]
        argv += ["--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off", "--retries=2", "--timeout=30"]
        argv += ["--dest", wheels, "-r", requirements] + (["--extra-index-url", index_url] if index_url else [])
        # pip's own temporary files too are swept with the folder.
        done = started(argv, DOWNLOAD_SECONDS, TMPDIR=folder)
        if done.returncode:
            _explain(done, pins, cache, altered)
        paths = [os.path.join(wheels, name) for name in sorted(os.listdir(wheels)) if name.endswith(".whl")]
        return [os.path.basename(path) for path in _placed(paths, cache)]


def _workplace(cache: str) -> str:
    """Return where pip may work: it sets modes, which a Windows drive refuses."""
    with tempfile.NamedTemporaryFile(dir=cache, prefix=prefix()) as probe:
        try:
            os.fchmod(probe.fileno(), 0o600)
        except PermissionError:
            return pwd.getpwuid(os.geteuid()).pw_dir
    return cache


def _placed(paths: List[str], cache: str) -> List[str]:
    """Give downloaded files their names in the cache, from another file system by a copy there."""
    if not paths or os.stat(paths[0]).st_dev == os.stat(cache).st_dev:
        return [place(path, cache) for path in paths]
    with scratch(cache) as folder:
        return [place(shutil.copyfile(path, os.path.join(folder, os.path.basename(path))), cache) for path in paths]


def _pip() -> List[str]:
    """Return how pip is run: a wheel is a zip that Python can run out of, and no venv is needed for it."""
    bundled = os.path.join(os.path.dirname(os.__file__), "ensurepip", "_bundled")
    found = sorted(glob.glob("/usr/share/python-wheels/pip-*.whl") + glob.glob(os.path.join(bundled, "pip-*.whl")))
    if not found:
        stop("no pip to download with: install python3-venv on the host")
    return [sys.executable, os.path.join(found[-1], "pip")]


def _explain(
    done: "subprocess.CompletedProcess[str]", pins: Sequence[Pin], cache: str, altered: Dict[Pin, str]
) -> NoReturn:
    """Say why a download failed: a full disk and an altered file first, pip's own words beside."""
    words = (done.stderr or done.stdout).strip()
    first = "{} {}".format(pins[0].name, pins[0].version)
    names = first + (" and {} more".format(len(pins) - 1) if len(pins) > 1 else "")
    sys.stderr.write(words + "\n")
    if FULL in words:
        free = shutil.disk_usage(cache).free // 1000000
        stop("{}: {} has {} MB free, too few to download {}".format(FULL, cache, free, names))
    reason = words.splitlines()[-1] if words else "pip ended with exit {}".format(done.returncode)
    for pin in pins:
        if pin in altered:
            found, wanted = sha256(altered[pin]).hexdigest(), sorted(pin.hashes)
            more = " or {} more".format(len(wanted) - 1) if len(wanted) > 1 else ""
            stop(
                "{} is not what its lock says and was not used: sha256:{}, the lock says {}{}; "
                "it could not be downloaded again: {}".format(altered[pin], found, wanted[0], more, reason)
            )
    stop("{} could not be downloaded: {}".format(names, reason))
