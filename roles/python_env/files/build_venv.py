"""Make venvs equal to their locks with uv, from a folder of wheels; what that folder lacks is downloaded into it.

Runs on the host as the venvs' owner, with nothing but Python's standard library and `packaging`. Its input is the
JSON in DGOPS_PYTHON_ENV: cache, uv (path, lock), venvs (path, lock, allow, index_url), check. It prints one JSON line.
"""

import base64
import csv
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# In every venv that was made here; its time tells which files were changed afterwards.
STAMP = ".dgops"
DOWNLOAD_SECONDS = 3600
INSTALL_SECONDS = 1200
STALE_SECONDS = 3600
SCRATCH = ".dgops-scratch-"


@dataclass(frozen=True)
class Pin:
    """One line of a lock that applies to this Python."""

    name: str
    version: str
    hashes: frozenset

    @property
    def line(self):
        """The requirement as pip and uv read it."""
        return "{}=={} {}".format(self.name, self.version, " ".join("--hash=" + one for one in sorted(self.hashes)))


def stop(message):
    """End with a message for a person."""
    sys.exit("error: " + message)


def locked(text):
    """Return name → Pin of the lines of a hashed requirements file whose marker holds here."""
    pins = {}
    for entry in text.replace("\\\n", " ").splitlines():
        words = entry.split("#", 1)[0].split("--hash=")
        if not words[0].strip():
            continue
        requirement = Requirement(words[0])
        if requirement.marker is None or requirement.marker.evaluate():
            name = canonicalize_name(requirement.name)
            pins[name] = Pin(name, str(requirement.specifier)[2:], frozenset(word.strip() for word in words[1:]))
    return pins


def site_packages(venv):
    """Return the folder that this Python's packages lie in."""
    return os.path.join(venv, "lib", "python{}.{}".format(*sys.version_info), "site-packages")


def alive(venv):
    """Say whether a venv is there, whole, and of this Python."""
    made = os.path.exists(os.path.join(venv, "pyvenv.cfg")) and os.path.isdir(site_packages(venv))
    return made and os.path.exists(os.path.join(venv, "bin", "python"))


def installed(venv):
    """Return name → list of (version, dist-info folder): more than one is what a killed upgrade leaves."""
    found = {}
    for folder in glob.glob(os.path.join(glob.escape(site_packages(venv)), "*.dist-info")):
        name, _, version = os.path.basename(folder)[: -len(".dist-info")].partition("-")
        found.setdefault(canonicalize_name(name), []).append((version, folder))
    return found


def recorded(folder):
    """Say whether a distribution knows its files."""
    return os.path.exists(os.path.join(folder, "RECORD"))


def intact(folder, since):
    """Compare a distribution's files with its RECORD: sizes always, contents of what was touched after `since`."""
    if not recorded(folder):
        return False
    with open(os.path.join(folder, "RECORD"), newline="") as stream:
        rows = list(csv.reader(stream))
    base = os.path.dirname(folder)
    return all(_same(os.path.join(base, path), digest, size, since) for path, digest, size in rows if digest)


def _same(path, digest, size, since):
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return False
    if size and status.st_size != int(size):
        return False
    return status.st_ctime_ns <= since or digest == "sha256=" + _base64(path)


def _base64(path):
    return base64.urlsafe_b64encode(_hash(path).digest()).rstrip(b"=").decode()


def _hash(path):
    total = hashlib.sha256()
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            total.update(chunk)
    return total


def differences(venv, wanted, allow):
    """Return what to install and what to remove, by name."""
    if not alive(venv):
        return sorted(wanted), []
    stamp = os.path.join(venv, STAMP)
    since = os.stat(stamp).st_mtime_ns if os.path.exists(stamp) else 0
    found = installed(venv)
    install = []
    for name, pin in wanted.items():
        copies = found.get(name, [])
        if [version for version, _ in copies] != [pin.version] or not intact(copies[0][1], since):
            install.append(name)
    return sorted(install), sorted(set(found) - set(wanted) - set(allow))


def cached(pin, cache, tags):
    """Return the wheel of a pin in the cache that suits this Python and has a hash of the lock, or None."""
    for path in glob.glob(os.path.join(glob.escape(cache), "*.whl")):
        try:
            name, version, _, suits = parse_wheel_filename(os.path.basename(path))
        except InvalidWheelFilename:
            continue
        fits = (name, str(version)) == (pin.name, pin.version) and not suits.isdisjoint(tags)
        if fits and "sha256:" + _hash(path).hexdigest() in pin.hashes:
            return path
    return None


@contextmanager
def scratch(parent):
    """Give a folder that is gone afterwards; what a killed run left of one goes too."""
    for old in glob.glob(os.path.join(glob.escape(parent), SCRATCH + "*")):
        if os.stat(old).st_mtime < time.time() - STALE_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=parent) as folder:
        yield folder


def download(pins, cache, index_url):
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


def fetch(pins, cache, index_url=""):
    """Return the wheel of each pin, and the names of those that had to be downloaded."""
    tags = frozenset(sys_tags())
    found = {pin: cached(pin, cache, tags) for pin in pins}
    missing = [pin for pin, path in found.items() if path is None]
    # A local version such as 2.5.1+cu121 is only at its own index, and nothing else is asked of that one.
    special = [pin for pin in missing if index_url and "+" in pin.version]
    plain = [pin for pin in missing if pin not in special]
    groups = ((plain, ""), (special, index_url))
    downloaded = [name for group, index in groups if group for name in download(group, cache, index)]
    found.update((pin, cached(pin, cache, tags)) for pin in missing)
    for pin, path in found.items():
        if path is None:
            stop("{} {} was downloaded and yet suits neither lock nor Python".format(pin.name, pin.version))
    return found, downloaded


def ensure_uv(path, lock, cache):
    """Take uv's program out of its wheel where it is missing or of another version; returns what was downloaded."""
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


def write(path, content, mode=0o644):
    """Write a file of its own mode."""
    with open(path, "wb") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(content.encode() if isinstance(content, str) else content)


def make(venv, uv):
    """Make an empty venv; only what was made here, or is a venv, is ever removed for it."""
    if os.path.isdir(venv) and os.listdir(venv):
        if not any(os.path.exists(os.path.join(venv, name)) for name in (STAMP, "pyvenv.cfg")):
            stop("{} is a folder with something in it and no venv: move it away".format(venv))
        shutil.rmtree(venv)
    os.makedirs(venv, exist_ok=True)
    write(os.path.join(venv, STAMP), "")
    options = ["--quiet", "--no-config", "--no-cache", "--offline", "--allow-existing", "--python", sys.executable]
    run([uv, "venv", *options, venv], 120)


def require_space(path, wheels, copies):
    """Stop where the disk that path is on cannot hold the wheels unpacked, so that nothing is left half-done."""
    need = 0
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            need += copies * sum(member.file_size for member in archive.infolist())
    free = shutil.disk_usage(os.path.dirname(path)).free
    if need > free:
        numbers = path, need // 1000000 + 1, free // 1000000
        stop("No space left on device: {} needs {} MB for the moment, {} MB are free".format(*numbers))


def install(venv, uv, found):
    """Install wheels by copy: a hard link to a cache would let an edit in the venv poison the cache."""
    with scratch(os.path.dirname(venv)) as folder:
        for path in found.values():
            os.symlink(path, os.path.join(folder, os.path.basename(path)))
        requirements = os.path.join(folder, "requirements.txt")
        write(requirements, "".join(pin.line + "\n" for pin in found))
        argv = [uv, "pip", "install", "--quiet", "--no-config", "--offline", "--no-index", "--find-links", folder]
        argv += ["--cache-dir", os.path.join(folder, "uv"), "--link-mode", "copy", "--no-deps", "--require-hashes"]
        argv += ["--python", os.path.join(venv, "bin", "python"), "-r", requirements]
        argv += [word for pin in found for word in ("--reinstall-package", pin.name)]
        run(argv, INSTALL_SECONDS)


def discard(venv, uv, names):
    """Take distributions out; of one that uv cannot make sense of, at least what makes it count as installed."""
    options = ["--quiet", "--no-config", "--no-cache", "--python", os.path.join(venv, "bin", "python")]
    run([uv, "pip", "uninstall", *options, *names], 120, tolerate=True)
    for name in names:
        for _, folder in installed(venv).get(name, []):
            shutil.rmtree(folder)


def settle(venv, config):
    """Make one venv equal to its lock; returns what was installed, removed and downloaded."""
    path, uv, allow = venv["path"], config["uv"]["path"], venv.get("allow", [])
    with open(venv["lock"]) as stream:
        wanted = locked(stream.read())
    missing, extra = differences(path, wanted, allow)
    done = {"installed": missing, "removed": list(extra), "downloaded": []}
    if config["check"] or not (missing or extra):
        return done
    found, done["downloaded"] = fetch([wanted[name] for name in missing], config["cache"], venv.get("index_url"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # Unpacked twice: in uv's hands, and in the venv.
    require_space(path, found.values(), 2)
    if not alive(path):
        make(path, uv)
    # A distribution without its RECORD can be replaced by nobody.
    extra += [name for name in missing for _, folder in installed(path).get(name, []) if not recorded(folder)]
    if extra:
        discard(path, uv, extra)
    if missing:
        install(path, uv, found)
    left = differences(path, wanted, allow)
    if left != ([], []):
        stop("{} still differs from its lock after an installation: {}".format(path, " ".join(left[0] + left[1])))
    write(os.path.join(path, STAMP), "")
    return done


def run(argv, seconds, tolerate=False):
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


def main():
    """Settle every venv and say what was done."""
    config = json.loads(os.environ["DGOPS_PYTHON_ENV"])
    try:
        downloaded = [] if config["check"] else ensure_uv(config["uv"]["path"], config["uv"]["lock"], config["cache"])
        done = {venv["path"]: settle(venv, config) for venv in config["venvs"]}
    except OSError as error:
        stop("{}: {}".format(error.strerror, error.filename or "while the venvs were made"))
    changed = bool(downloaded) or any(one["installed"] or one["removed"] for one in done.values())
    print(json.dumps({"changed": changed, "downloaded": downloaded, "venvs": done}))


if __name__ == "__main__":
    main()
