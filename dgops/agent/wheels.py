"""The wheel cache: a folder of whole wheels that venvs are made from; what it lacks is downloaded into it."""

from __future__ import annotations

import glob
import hashlib
import importlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterable, List, NoReturn, Optional, Sequence, Tuple, Union

from dgops.agent import mounts, process, wheel_notes
from dgops.agent.pins import Pin, canonical, locked
from dgops.agent.scratch import prefix, scratch

# The scratch folders of a cache are those of venvs too.
__all__ = ["Wheel", "ensure_uv", "fetch", "proven", "run", "scratch", "stop"]

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
DOWNLOAD_SECONDS = 3600
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
        done = _started(argv, DOWNLOAD_SECONDS, TMPDIR=folder)
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
    done = _started(argv, seconds)
    if done.returncode and not tolerate:
        sys.stderr.write((done.stderr or done.stdout).strip() + "\n")
        stop("{} ended with exit {}".format(" ".join(argv[:3]), done.returncode))
    return done.stdout


def _started(argv: List[str], seconds: float, **variables: str) -> "subprocess.CompletedProcess[str]":
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
