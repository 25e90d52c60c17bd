"""Rules on the file system itself: what must be there for a distro to start, and what must not travel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dgops.images.kinds import DISCOURAGED_UNITS
from dgops.images.rules import Broken, modes_of
from dgops.images.rules_settings import ELF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dgops.images.archive import Archive

UNSUPPORTED_XATTRS = ("security.selinux", "security.ima", "security.evm")
SHADOW_MODES = (0o640, 0o600, 0o000)
MOST_NAMED = 3
_KERNEL = re.compile(r"boot/(vmlinuz|initrd|initramfs)[^/]*|(usr/)?lib/modules/.+")
_HOST_KEY = re.compile(r"etc/ssh/ssh_host_[^/]*_key")
_WANTS = re.compile(r"(?:etc|usr/lib|lib)/systemd/system/[^/]+\.(?:wants|requires)/([^/]+)")
_UNITS = "etc/systemd/system/"
# Where WSL puts Windows' GPU libraries.
_GPU = "usr/lib/wsl/lib/"


def names_stay_inside(archive: Archive) -> Iterator[Broken]:
    """A name with .. would be written outside of the distro."""
    if archive.strays:
        yield f"entries lead out of the archive: {_some(archive.strays)}", "pack with: tar -C ROOT -c ."


def packing_is_known(archive: Archive) -> Iterator[Broken]:
    """WSL's documentation names gzip and xz."""
    if archive.packing == "bzip2":
        yield "the tar is packed by bzip2", "pack it by gzip"


def is_a_linux(archive: Archive) -> Iterator[Broken]:
    """WSL refuses what has neither /etc nor /bin/sh."""
    etc, shell = archive.find("/etc"), archive.find("/bin/sh")
    inner = any(name.startswith("etc/") for name in archive.entries)
    if etc is None and shell is None and not inner:
        yield "there is neither /etc nor /bin/sh", "the root of the tar is the root of the distro: tar -C ROOT -c ."


def shell_can_start(archive: Archive) -> Iterator[Broken]:
    """Everything that WSL runs in a distro goes through /bin/sh."""
    entry = archive.find("/bin/sh")
    if entry is None or entry.kind != "file":
        yield "/bin/sh is no program of this archive", "install a shell"
    elif archive.head("/bin/sh") != ELF or not entry.mode & 0o111:
        yield "/bin/sh is no program that starts", "install a shell"


def release_is_named(archive: Archive) -> Iterator[Broken]:
    """WSL shows what os-release says."""
    text = archive.text("/etc/os-release")
    if text is None:
        yield "there is no /etc/os-release", "the package base-files brings it"
    elif not re.search(r"^ID=", text, re.MULTILINE):
        yield "/etc/os-release has no ID", "ID=debian"


def root_is_uid_0(archive: Archive) -> Iterator[Broken]:
    """Exactly root has uid 0, and no uid is there twice."""
    text = archive.text("/etc/passwd")
    if text is None:
        yield "/etc/passwd is no file of this archive", "the package base-passwd brings it"
        return
    rows = [row for line in text.splitlines() if len(row := line.split(":")) > 2]
    if ("root", "0") not in [(row[0], row[2]) for row in rows]:
        yield "/etc/passwd has no root with uid 0", "root:x:0:0:root:/root:/bin/bash"
    uids: dict[str, str] = {}
    for row in rows:
        other = uids.setdefault(row[2], row[0])
        if other != row[0]:
            yield f"{other} and {row[0]} share the uid {row[2]}", "give each user one of his own"


def shadow_is_closed(archive: Archive) -> Iterator[Broken]:
    """Nobody but root and its group reads /etc/shadow."""
    entry = archive.find("/etc/shadow")
    if entry is None:
        yield "there is no /etc/shadow", "pwconv makes it"
        return
    yield from modes_of(entry, "/etc/shadow", SHADOW_MODES, root=False)


def no_password_travels(archive: Archive) -> Iterator[Broken]:
    """A password in an image is everybody's."""
    for line in (archive.text("/etc/shadow") or "").splitlines():
        fields = line.split(":")
        if len(fields) > 1 and not fields[1].startswith(("!", "*")):
            words = "has a password" if fields[1] else "needs no password"
            yield f"{fields[0]} {words}", f"passwd --lock {fields[0]}"


def no_foreign_xattrs(archive: Archive) -> Iterator[Broken]:
    """WSL 1 cannot store these attributes."""
    for xattr in UNSUPPORTED_XATTRS:
        names = [entry.name for entry in archive.entries.values() if xattr in entry.xattrs]
        if names:
            yield f"{xattr} on {_some(names)}", f"pack with --xattrs-exclude={xattr}"


def no_discouraged_units(archive: Archive) -> Iterator[Broken]:
    """These units do what WSL itself does, and wait for what never comes."""
    wanted = {match[1] for name in archive.entries if (match := _WANTS.fullmatch(name))}
    for unit in DISCOURAGED_UNITS:
        mask = archive.entries.get(f"{_UNITS}{unit}")
        masked = mask is not None and mask.kind == "link" and mask.target == "/dev/null"
        if unit in wanted and not masked:
            yield f"{unit} is enabled", f"ln -sf /dev/null /etc/systemd/system/{unit}"


def no_resolv_conf(archive: Archive) -> Iterator[Broken]:
    """WSL makes /etc/resolv.conf at each start."""
    if "etc/resolv.conf" in archive.entries:
        yield "there is an /etc/resolv.conf", "rm /etc/resolv.conf"


def no_kernel(archive: Archive) -> Iterator[Broken]:
    """The kernel is Windows' own."""
    names = [entry.name for entry in archive.entries.values() if entry.kind == "file" and _KERNEL.fullmatch(entry.name)]
    if names:
        yield f"a kernel or its modules: {_some(names)}", "remove the packages linux-image-* and initramfs-tools"


def no_gpu_libraries(archive: Archive) -> Iterator[Broken]:
    """WSL mounts Windows' libraries over this folder."""
    names = [name for name in archive.entries if name.startswith(_GPU)]
    if names:
        yield f"files where WSL mounts the GPU's libraries: {_some(names)}", f"empty /{_GPU}"


def no_identity_travels(archive: Archive) -> Iterator[Broken]:
    """Each distro has host keys and a machine id of its own."""
    keys = [name for name in archive.entries if _HOST_KEY.fullmatch(name)]
    if keys:
        yield f"host keys of an SSH server: {_some(keys)}", "rm /etc/ssh/ssh_host_*; make them at the first start"
    if (archive.text("/etc/machine-id") or "").strip() not in ("", "uninitialized"):
        yield "/etc/machine-id is set", "truncate --size 0 /etc/machine-id"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(sorted(names)[:MOST_NAMED]) + more
