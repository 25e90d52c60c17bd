"""What roles ask of a host before they begin; nothing is changed."""

from __future__ import annotations

import grp
import os
import pwd
import re
from typing import Any, Callable, Dict, List, Optional

from dgops.agent import observe

PLAIN_KEYS = ("ssh-", "ecdsa-", "sk-")


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Look at what the request names: `packages`, `user`, `uid` and `gid`."""
    return {
        "missing": missing(request["packages"]),
        "volume": volume() or "",
        "wsl": "microsoft" in os.uname().release.lower() or os.path.exists("/etc/wsl.conf"),
        "free_mb": {path: free_mb(path) for path in ("/", "/usr", "/var")},
        "system": system(),
        "user": user(request["user"], int(request["uid"]), int(request["gid"])),
    }


def missing(names: List[str]) -> List[str]:
    """Return the packages that dpkg does not hold as installed."""
    installed = observe.installed_packages() if os.path.exists(observe.DPKG_STATUS) else set()
    return [name for name in names if name not in installed]


def volume() -> Optional[str]:
    """Return a pod's persistent folder, None where this is no pod.

    A pod's environment is that of its first process only: no session over SSH sees it.
    """
    with open("/proc/1/environ", errors="replace") as stream:
        pairs = (pair.partition("=") for pair in stream.read().split("\0"))
        environment = {key: value for key, _, value in pairs}
    for key in ("VOLUME_ROOT", "DATA_DIR"):
        if re.fullmatch(r"(/[\w.-]+)+", environment.get(key, "")):
            return environment[key]
    mounted = [path for path in ("/workspace", "/runpod-volume") if os.path.ismount(path)]
    return mounted[0] if mounted and "RUNPOD_POD_ID" in environment else None


def system() -> str:
    """Return the distribution and its major version, such as `Debian 12`."""
    with open("/etc/os-release", errors="replace") as stream:
        pairs = (line.strip().partition("=") for line in stream)
        release = {key: value.strip("\"'") for key, _, value in pairs}
    return "{} {}".format(release.get("NAME", "Linux").split()[0], release.get("VERSION_ID", "").partition(".")[0])


def free_mb(path: str) -> int:
    """Return the free space of a file system in MB."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize // 1000000


def entry(find: Callable[[Any], Any], key: Any) -> Any:
    """Return the entry of a user or group, None where there is none."""
    try:
        return find(key)
    except KeyError:
        return None


def login_keys(name: str) -> List[str]:
    """Return the keys that open the account we came in by; lines with options were meant for that account only."""
    login = entry(pwd.getpwnam, os.environ.get("SUDO_USER") or "root")
    path = os.path.join(login.pw_dir if login else "/root", ".ssh", "authorized_keys")
    if (login and login.pw_name == name) or not os.path.exists(path):
        return []
    with open(path) as stream:
        return [line.strip() for line in stream if line.startswith(PLAIN_KEYS)]


def user(name: str, uid: int, gid: int) -> Dict[str, Any]:
    """Look for a user, and for others who hold the uid or gid that would be given."""
    found, group = entry(pwd.getpwnam, name), entry(grp.getgrnam, name)
    by_uid, by_gid = entry(pwd.getpwuid, uid), entry(grp.getgrgid, gid)
    groups = [one.gr_name for one in grp.getgrall() if name in one.gr_mem]
    return {
        "exists": bool(found),
        "group_exists": bool(group),
        "uid": found.pw_uid if found else uid,
        # A group of that name may stand there before its user does; it keeps its gid.
        "gid": found.pw_gid if found else group.gr_gid if group else gid,
        "home": found.pw_dir if found else "/home/" + name,
        "shell": found.pw_shell if found else "",
        "groups": groups,
        "uid_taken_by": by_uid.pw_name if by_uid and not found else "",
        "gid_taken_by": by_gid.gr_name if by_gid and not found and not group else "",
        "login_keys": login_keys(name),
    }
