"""What is true of files, users, packages, git and venvs, read without changing anything."""

from __future__ import annotations

import grp
import hashlib
import os
import platform
import pwd
import re
import signal
import stat
import subprocess
import sys
from functools import lru_cache
from typing import Any, Dict, List, Optional, Set

Observation = Dict[str, Any]
DPKG_STATUS = "/var/lib/dpkg/status"


def file(check: Dict[str, Any]) -> Observation:
    """Observe a file, directory or link: kind, mode, owner, group; digest and lines only where they are asked for."""
    path = check["path"]
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"exists": False}
    seen: Observation = {
        "exists": True,
        "kind": _kind(status.st_mode),
        "mode": "{:04o}".format(stat.S_IMODE(status.st_mode)),
        "owner": _user_name(status.st_uid),
        "group": _group_name(status.st_gid),
    }
    if seen["kind"] == "link":
        seen["target"] = os.readlink(path)
    if seen["kind"] == "file" and ("sha256" in check or "contains" in check):
        with open(path, "rb") as stream:
            content = stream.read()
        seen["sha256"] = hashlib.sha256(content).hexdigest()
        lines = set(content.decode(errors="replace").splitlines())
        seen["missing"] = [line for line in check.get("contains", []) if line not in lines]
    return seen


def package(check: Dict[str, Any]) -> Observation:
    """Observe which of the Debian packages are installed."""
    installed = _installed_packages()
    return {"missing": [name for name in check["names"].split() if name not in installed]}


def user(check: Dict[str, Any]) -> Observation:
    """Observe a user: uid, gid, shell, home and groups."""
    try:
        entry = pwd.getpwnam(check["user"])
    except KeyError:
        return {"exists": False}
    groups = [group.gr_name for group in grp.getgrall() if entry.pw_name in group.gr_mem]
    return {
        "exists": True,
        "uid": entry.pw_uid,
        "gid": entry.pw_gid,
        "shell": entry.pw_shell,
        "home": entry.pw_dir,
        "groups": " ".join(sorted([_group_name(entry.pw_gid), *groups])),
    }


def command(check: Dict[str, Any]) -> Observation:
    """Run a command that only reads, as a user where one is named, and observe how it ends."""
    timeout = float(check.get("timeout", 5))
    returncode, output = run(check["argv"], check.get("user"), timeout)
    return {"rc": returncode, "stdout": output[:2000]}


def git_config(check: Dict[str, Any]) -> Observation:
    """Observe the values of a key in a user's global git configuration, or in the system's."""
    system = check.get("scope") == "system"
    path = "/etc/gitconfig" if system else os.path.join(pwd.getpwnam(check["user"]).pw_dir, ".gitconfig")
    if not os.path.exists(path):
        return {"values": []}
    return {"values": _git_values(path).get(check["key"].lower(), [])}


def venv(check: Dict[str, Any]) -> Observation:
    """Observe how a venv differs from its lock: missing, other version, extra; by name and version."""
    path = check["path"]
    if not os.path.exists(os.path.join(path, "bin", "python")):
        return {"exists": False}
    with open(check["lock"]) as stream:
        wanted = locked(stream.read())
    found = distributions(path)
    allowed = set(check.get("allow", "").split()) | {"pip", "setuptools"} - set(wanted)
    return {
        "exists": True,
        "owner": _user_name(os.stat(path).st_uid),
        "missing": sorted(set(wanted) - set(found)),
        "other": sorted(
            "{} {}, lock says {}".format(name, found[name], wanted[name])
            for name in set(wanted) & set(found)
            if found[name] != wanted[name]
        ),
        "extra": sorted(set(found) - set(wanted) - allowed),
        "broken": sorted(name for name in found if found[name] == "?"),
        "count": len(found),
    }


def locked(text: str) -> Dict[str, str]:
    """Read name → version from a hashed requirements file, without lines whose marker excludes this Python."""
    pins = {}
    for line in text.splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*([^\\]+))?", line)
        if match and applies(match.group(3)):
            pins[canonical(match.group(1))] = match.group(2)
    return pins


def applies(marker: Optional[str]) -> bool:
    """Judge the few environment markers that universal locks use: Python's version, platform and system."""
    if not marker:
        return True
    return any(all(_clause(part) for part in either.split(" and ")) for either in marker.strip().split(" or "))


def distributions(path: str) -> Dict[str, str]:
    """Return name → version of what is installed in a venv; `?` where its metadata is unreadable."""
    found = {}
    for folder in _site_packages(path):
        for entry in os.listdir(folder):
            if entry.endswith(".dist-info"):
                name, _, version = entry[: -len(".dist-info")].partition("-")
                whole = os.path.exists(os.path.join(folder, entry, "RECORD"))
                found[canonical(name)] = version if whole else "?"
    return found


def canonical(name: str) -> str:
    """Return a distribution's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def run(argv: List[str], name: Optional[str], timeout: float) -> "tuple[int, str]":
    """Run argv in its own session as a user; the whole group is killed at the deadline (exit code 124)."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(name),
        cwd="/",
        preexec_fn=lambda: enter(name),
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return 124, output.decode(errors="replace")
    return process.returncode, output.decode(errors="replace")


def enter(name: Optional[str]) -> None:
    """Leave the parent's session and, as root, become the named user."""
    os.setsid()
    if name and os.geteuid() == 0:
        entry = pwd.getpwnam(name)
        os.initgroups(name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def environment(name: Optional[str]) -> Dict[str, str]:
    """Return the few variables that a login of the user would have."""
    entry = pwd.getpwnam(name) if name else pwd.getpwuid(os.geteuid())
    paths = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/wsl/lib"
    return {
        "HOME": entry.pw_dir,
        "USER": entry.pw_name,
        "LOGNAME": entry.pw_name,
        "PATH": paths,
        "LC_ALL": "C.UTF-8",
    }


def _clause(text: str) -> bool:
    match = re.match(r"\(?\s*(\w+)\s*(==|!=|<=|>=|<|>)\s*['\"]([^'\"]+)['\"]\s*\)?$", text.strip())
    if not match:
        return True
    key, operator, value = match.groups()
    here: Any = {
        "python_version": "{}.{}".format(*sys.version_info),
        "python_full_version": platform.python_version(),
        "sys_platform": sys.platform,
        "platform_system": platform.system(),
        "platform_machine": platform.machine(),
        "implementation_name": sys.implementation.name,
        "platform_python_implementation": platform.python_implementation(),
        "os_name": os.name,
    }.get(key)
    if here is None:
        return True
    if value.endswith(".*"):
        same = _numbers(here)[: value.count(".")] == _numbers(value)
        return same if operator == "==" else not same
    left, right = (_numbers(here), _numbers(value)) if key.startswith("python") else ([here], [value])
    if value.endswith(".*"):
        left = left[: len(right)]
    order = (left > right) - (left < right)
    return order in {"==": [0], "!=": [-1, 1], "<=": [-1, 0], ">=": [0, 1], "<": [-1], ">": [1]}[operator]


def _numbers(version: str) -> List[Any]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISDIR(mode):
        return "directory"
    return "file" if stat.S_ISREG(mode) else "other"


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


@lru_cache(maxsize=1)
def _installed_packages() -> Set[str]:
    # dpkg's own database, since starting dpkg-query costs more than reading it.
    installed = set()
    with open(DPKG_STATUS, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if line.startswith("Package: "):
                name = line[9:].strip()
            elif line.startswith("Status: ") and line.strip().endswith(" installed"):
                installed.add(name)
    return installed


@lru_cache(maxsize=None)
def _git_values(path: str) -> Dict[str, List[str]]:
    # --file reads one file and follows no include, so a user's file cannot make root read another.
    returncode, output = run(["git", "config", "--file", path, "--list", "-z"], None, 5)
    if returncode:
        raise OSError("git config --file {}: {}".format(path, output.strip()))
    values: Dict[str, List[str]] = {}
    for record in filter(None, output.split("\0")):
        key, _, value = record.partition("\n")
        values.setdefault(key.lower(), []).append(value)
    return values


def _site_packages(path: str) -> List[str]:
    library = os.path.join(path, "lib")
    folders = [os.path.join(library, name, "site-packages") for name in os.listdir(library)]
    return [folder for folder in folders if os.path.isdir(folder)]
