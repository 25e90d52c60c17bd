"""Rules on /etc/wsl-distribution.conf and /etc/wsl.conf, and on the files that they name."""

from __future__ import annotations

import configparser
import json
import re
from typing import TYPE_CHECKING

from dgops.images.archive import LARGEST
from dgops.images.rules import DISTRIBUTION_CONF, WSL_CONF, Broken, climbs, is_true, modes_of, parsed, settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from dgops.images.archive import Archive

DISTRIBUTION_KEYS = frozenset(
    {
        "oobe.command",
        "oobe.defaultuid",
        "oobe.defaultname",
        "shortcut.enabled",
        "shortcut.icon",
        "windowsterminal.enabled",
        "windowsterminal.profiletemplate",
    }
)
WSL_KEYS = frozenset(
    {
        *("automount.enabled", "automount.root", "automount.options", "automount.mountfstab", "automount.ldconfig"),
        *("automount.cgroups", "filesystem.umask", "interop.enabled", "interop.appendwindowspath"),
        *("network.generatehosts", "network.generateresolvconf", "network.hostname", "user.default"),
        *("boot.systemd", "boot.command", "boot.inittimeout", "boot.protectbinfmt", "gpu.enabled"),
        *("gpu.appendlibpath", "time.usewindowstimezone", "fileserver.enabled", "general.guiapplications"),
    }
)
NAME = re.compile(r"[a-zA-Z0-9._-]{1,256}")
ELF = b"\x7fELF"
OOBE_PLACES, ICON_PLACES = ("/usr/lib/wsl/", "/usr/libexec/wsl/"), ("/usr/lib/wsl/", "/usr/share/wsl/")
EXPECTED_UID = "1000"
# What a Windows icon begins with.
ICO = b"\x00\x00\x01\x00"


def distribution_is_described(archive: Archive) -> Iterator[Broken]:
    """WSL takes name, first program and icon from here."""
    if archive.find(DISTRIBUTION_CONF) is None:
        yield f"there is no {DISTRIBUTION_CONF}", "write one, with [oobe] defaultName at the least"


def configuration_is_roots(archive: Archive) -> Iterator[Broken]:
    """Both files belong to root and are readable by all."""
    for path in (DISTRIBUTION_CONF, WSL_CONF):
        entry = archive.find(path)
        if entry is not None:
            yield from modes_of(entry, path, (0o644,))


def configuration_is_known(archive: Archive) -> Iterator[Broken]:
    """Both files hold sections and keys that WSL knows; it tells nobody that it skips a misspelt one."""
    yield from _unknown(archive, DISTRIBUTION_CONF, DISTRIBUTION_KEYS)
    yield from _unknown(archive, WSL_CONF, WSL_KEYS)


def _unknown(archive: Archive, path: str, known: Collection[str]) -> Iterator[Broken]:
    text = archive.text(path)
    if text is None:
        return
    try:
        found = parsed(text)
    except configparser.Error as error:
        yield f"{path} cannot be read: {' '.join(str(error).split())}", "it holds [section], key=value and # comments"
        return
    for key in found:
        if key not in known:
            yield f"{path}: {key} is no key of WSL's", "take it out, or spell it as WSL's documentation does"


def has_no_windows_line_ends(archive: Archive) -> Iterator[Broken]:
    """A carriage return becomes part of a value, or of an interpreter's name."""
    command = settings(archive, DISTRIBUTION_CONF).get("oobe.command", "")
    for path in (DISTRIBUTION_CONF, WSL_CONF, command):
        content = archive.read(path) if path else None
        if content is not None and not content.startswith(ELF) and b"\r" in content:
            yield f"{path} has Windows' line ends", f"sed -i 's/\\r$//' {path}"


def default_name_is_given(archive: Archive) -> Iterator[Broken]:
    """Without a name a double click cannot install the file."""
    if archive.find(DISTRIBUTION_CONF) and not settings(archive, DISTRIBUTION_CONF).get("oobe.defaultname"):
        yield "there is no oobe.defaultName", "set one; until then: wsl --install --from-file FILE --name NAME"


def default_name_is_allowed(archive: Archive) -> Iterator[Broken]:
    """WSL takes letters, digits, dots, hyphens and underscores."""
    name = settings(archive, DISTRIBUTION_CONF).get("oobe.defaultname")
    if name and not NAME.fullmatch(name):
        yield f"oobe.defaultName is {name!r}", "letters, digits, dots, hyphens and underscores, 256 at most"


def oobe_can_run(archive: Archive) -> Iterator[Broken]:
    """A first program that fails locks everybody out: it runs again at each start, and no shell comes."""
    path = settings(archive, DISTRIBUTION_CONF).get("oobe.command")
    if not path:
        return
    entry = archive.find(path)
    if entry is None or entry.kind != "file":
        yield f"oobe.command {path} is no file of this archive", "put it there, or take the key out"
        return
    yield from modes_of(entry, path, (0o755,))
    if archive.read(path) is not None and not (archive.read(path) or b"").startswith((b"#!", ELF)):
        yield f"{path} begins with neither #! nor a program's mark", "begin it with #!/bin/sh"


def oobe_lies_where_it_should(archive: Archive) -> Iterator[Broken]:
    """The first program is looked for below /usr/lib/wsl or /usr/libexec/wsl."""
    path = settings(archive, DISTRIBUTION_CONF).get("oobe.command")
    if path and not path.startswith(OOBE_PLACES):
        yield f"oobe.command is {path}", f"move it below {' or '.join(OOBE_PLACES)}"


def default_uid_is_usual(archive: Archive) -> Iterator[Broken]:
    """The first user of a distribution has the uid 1000."""
    uid = settings(archive, DISTRIBUTION_CONF).get("oobe.defaultuid")
    if uid is not None and uid != EXPECTED_UID:
        yield f"oobe.defaultUid is {uid}", f"set it to {EXPECTED_UID}"


def default_uid_is_free(archive: Archive) -> Iterator[Broken]:
    """The first program is expected to make the user; one who is there already is right for unattended images."""
    uid = settings(archive, DISTRIBUTION_CONF).get("oobe.defaultuid")
    rows = [line.split(":") for line in (archive.text("/etc/passwd") or "").splitlines()]
    taken = next((row[0] for row in rows if len(row) > 2 and uid and row[2] == uid), None)
    if taken:
        yield (
            f"the user {taken} has the uid {uid} already",
            "nothing, where the image brings its user on purpose; else let oobe.command make the user",
        )


def icon_is_one(archive: Archive) -> Iterator[Broken]:
    """An icon is a Windows icon of 1 MiB at most that everybody may read."""
    path = settings(archive, DISTRIBUTION_CONF).get("shortcut.icon")
    if not path:
        return
    yield from _named_file(archive, path, "shortcut.icon")
    content = archive.read(path)
    if content is not None and not content.startswith(ICO):
        yield f"shortcut.icon {path} is no Windows icon", "convert it to .ico"


def icon_lies_where_it_should(archive: Archive) -> Iterator[Broken]:
    """An icon is looked for below /usr/lib/wsl or /usr/share/wsl."""
    path = settings(archive, DISTRIBUTION_CONF).get("shortcut.icon")
    if path and not path.startswith(ICON_PLACES):
        yield f"shortcut.icon is {path}", f"move it below {' or '.join(ICON_PLACES)}"


def terminal_profile_is_json(archive: Archive) -> Iterator[Broken]:
    """Windows Terminal takes a JSON fragment of 1 MiB at most."""
    path = settings(archive, DISTRIBUTION_CONF).get("windowsterminal.profiletemplate")
    if not path:
        return
    yield from _named_file(archive, path, "windowsterminal.profileTemplate")
    text = archive.text(path)
    if text is not None:
        try:
            json.loads(text)
        except (ValueError, RecursionError) as error:
            yield f"windowsterminal.profileTemplate {path} is no JSON: {error}", "mend it"


def _named_file(archive: Archive, path: str, key: str) -> Iterator[Broken]:
    if climbs(path):
        yield f"{key} is {path}", "write it without .."
    entry = archive.find(path)
    if entry is None or entry.kind != "file":
        yield f"{key} {path} is no file of this archive", "put it there, or take the key out"
        return
    yield from modes_of(entry, path, (0o644,))
    if entry.size > LARGEST:
        yield f"{key} {path} has {entry.size:,} bytes", f"{LARGEST:,} at most"


def systemd_can_start(archive: Archive) -> Iterator[Broken]:
    """With boot.systemd WSL starts /sbin/init, and there is no shell where that fails."""
    if not is_true(settings(archive, WSL_CONF).get("boot.systemd")):
        return
    entry = archive.find("/sbin/init")
    if entry is None:
        yield "boot.systemd is on, and there is no /sbin/init", "install systemd and systemd-sysv, or set it to false"
        return
    if archive.head("/sbin/init") != ELF:
        yield "boot.systemd is on, and /sbin/init is no program", "install systemd-sysv"
    yield from modes_of(entry, "/sbin/init", (0o755,))


def default_user_is_left_to_wsl(archive: Archive) -> Iterator[Broken]:
    """A user named in wsl.conf overrules what WSL noted at the first start."""
    user = settings(archive, WSL_CONF).get("user.default")
    if user:
        yield f"{WSL_CONF} sets user.default={user}", "set oobe.defaultUid instead"
