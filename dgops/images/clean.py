"""What must not travel in an image: secrets, identities, and whatever differs from one build to the next."""

from __future__ import annotations

import os
import shutil
import stat
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.images.kinds import SUITE
from dgops.sandbox.containers.sources import Source, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The folder stays, what is in it goes.
EMPTIED = (
    "dev",
    "proc",
    "sys",
    "run",
    "tmp",
    "var/tmp",
    "mnt",
    "media",
    "root/.ssh",
    "home/*/.ssh",
    "usr/lib/wsl/lib",
    "usr/local/share/ca-certificates",
)
# The folders in it stay as well: their owners are those that the packages made.
WITHOUT_FILES = ("var/log", "var/cache", "var/lib/apt/lists", "var/backups")
REMOVED = (
    ".dockerenv",
    "start.sh",
    "workspace",
    "etc/*-",
    "etc/.pwd.lock",
    "etc/apt/apt.conf.d/90proxy",
    "etc/hostname",
    "etc/mtab",
    "etc/resolv.conf",
    "etc/ssh/ssh_host_*",
    "etc/ssl/certs/java",
    "home/*/.ansible",
    "home/*/.bash_history",
    "home/*/.cache",
    "home/*/.lesshst",
    "home/*/.local/state",
    "home/*/.python_history",
    "home/*/.sudo_as_admin_successful",
    "root/.ansible",
    "root/.bash_history",
    "root/.cache",
    "root/.lesshst",
    "root/.local",
    "root/.python_history",
    "var/lib/apt/periodic",
    "var/lib/dbus/machine-id",
    "var/lib/dgops",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/lock*",
    "var/lib/dpkg/triggers/Lock",
    "var/lib/systemd/credential.secret",
    "var/lib/systemd/random-seed",
)
# Kept though it lies in a cache: debconf's answers are a package's state.
SPARED = frozenset({"var/cache/debconf/config.dat", "var/cache/debconf/templates.dat"})
STICKY = ("tmp", "var/tmp")
HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
# apt's own example of the release's sources, which comes with the package.
EXAMPLE = "usr/share/doc/apt/examples/sources.list"
_LOCKED = ("*", "!", "!*", "!!")
_DAY = 86400


def clean(root: Path, epoch: int) -> None:
    """Take out of a tree what belongs to the build, and settle what would tell one build from another."""
    for pattern in EMPTIED:
        for folder in inside(root, pattern):
            for path in folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ():
                _remove(path)
    for pattern in WITHOUT_FILES:
        for folder in inside(root, pattern):
            _remove_files(root, folder)
    for pattern in REMOVED:
        for path in inside(root, pattern):
            _remove(path)
    for cache in [path for path in root.rglob("__pycache__") if path.is_dir() and not path.is_symlink()]:
        # Bytecode is not the same from one run of the compiler to the next.
        shutil.rmtree(cache)
    for name in STICKY:
        (root / name).chmod(0o1777)
    _write(root, "etc/hosts", HOSTS)
    # Empty and not missing: systemd makes one at the first start, and keeps it.
    _write(root, "etc/machine-id", "")
    _write(root, "etc/apt/sources.list", sources(_text(root, EXAMPLE)))
    for path in inside(root, "etc/apt/sources.list.d/*"):
        _remove(path)
    for name, field in (("shadow", 2), ("gshadow", None)):
        _write(root, f"etc/{name}", locked(_text(root, f"etc/{name}"), field, epoch))


def sources(example: str, suite: str = SUITE) -> str:
    """Return a plain list of the release's sources, whatever mirror and proxy the build went by.

    Raises DgopsError where the example of apt's package names none.
    """
    found = [source for source in parse(example, ".list") if source.suite.partition("-")[0] == suite]
    lines = [Source(one.address, one.suite, "main").line for one in found]
    if not lines:
        raise DgopsError(f"apt's example of sources names none for {suite}, so the image would have no packages")
    return "\n".join(lines) + "\n"


def locked(shadow: str, changed: int | None, epoch: int) -> str:
    """Return shadow without any password; `changed` is the field with the day of the last change, settled by epoch."""
    lines = []
    for line in shadow.splitlines():
        fields = line.split(":")
        if fields[1] not in _LOCKED:
            # Behind an exclamation mark a password is only put aside.
            fields[1] = "!" if fields[1].startswith("!") else "*"
        if changed is not None and fields[changed]:
            fields[changed] = str(epoch // _DAY)
        lines.append(":".join(fields))
    return "\n".join(lines) + "\n"


def inside(root: Path, pattern: str) -> Iterator[Path]:
    """Yield what a pattern names in a tree; a folder that is a link is never gone through: it may lead out of it."""
    folders, _, wanted = pattern.rpartition("/")
    for folder in sorted(root.glob(folders)) if folders else [root]:
        if folder.is_dir() and folder.resolve() == root.resolve() / folder.relative_to(root):
            # By its names: a glob does not see a link that leads nowhere.
            yield from (folder / name for name in sorted(os.listdir(folder)) if fnmatchcase(name, wanted))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_files(root: Path, folder: Path) -> None:
    for path in sorted(folder.rglob("*")) if not folder.is_symlink() else ():
        if str(path.relative_to(root)) not in SPARED and (path.is_symlink() or not path.is_dir()):
            path.unlink()


def _text(root: Path, name: str) -> str:
    return (root / name).read_text()


def _write(root: Path, name: str, content: str) -> None:
    """Replace a file's content; its owner and mode stay, one that was missing is root's."""
    path = root / name
    if path.is_symlink():
        path.unlink()
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    path.write_text(content)
    path.chmod(mode)
