"""What is true of files, users, packages, git and venvs, read without changing anything."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import signal
import stat
import subprocess
from functools import lru_cache
from typing import Any, Dict, List, Optional, Set

from dgops.agent import attest, manifest, pins
from dgops.agent import program as origin
from dgops.agent.attest_wheel import attest_wheel

Observation = Dict[str, Any]
DPKG_STATUS = "/var/lib/dpkg/status"


def file(check: Dict[str, Any]) -> Observation:
    """Observe a file, directory or link: kind, mode, owner, group; digest and lines only where they are asked for.

    With `follow`, what a link leads to is observed in its place.
    """
    path = check["path"]
    try:
        status = os.stat(path) if check.get("follow") else os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"exists": False}
    seen: Observation = {
        "exists": True,
        "kind": _kind(status.st_mode),
        "mode": "{:04o}".format(stat.S_IMODE(status.st_mode)),
        "owner": user_name(status.st_uid),
        "group": _group_name(status.st_gid),
        "uid": status.st_uid,
        "gid": status.st_gid,
    }
    if seen["kind"] == "link":
        seen["target"] = os.readlink(path)
    if seen["kind"] == "file" and {"sha256", "contains", "block"} & set(check):
        with open(path, "rb") as stream:
            seen.update(_content(check, stream.read()))
    return seen


def _content(check: Dict[str, Any], content: bytes) -> Observation:
    lines = content.decode(errors="replace").split("\n")
    there = {line.rstrip("\r") for line in lines} if "contains" in check else set()
    seen: Observation = {"missing": [line for line in check.get("contains", []) if line not in there]}
    if "sha256" in check:
        seen["sha256"] = hashlib.sha256(content).hexdigest()
    if "block" in check:
        seen["block"] = block(lines, check["block"], check.get("marker", ""))
    return seen


def block(lines: List[str], wanted: List[str], marker: str) -> str:
    """Say whether lines stand together in a file: `whole`, `altered` or `absent`.

    With a marker they stand alone between the last two lines that it makes, which are those that Ansible's
    blockinfile goes by. Without one they stand anywhere, and Windows' line ends are no difference.
    """
    if not marker:
        plain = [line.rstrip("\r") for line in lines]
        starts = (number for number, line in enumerate(plain) if line == wanted[0])
        return "whole" if any(plain[at : at + len(wanted)] == wanted for at in starts) else "absent"
    begin, end = (_last(lines, marker.replace("{mark}", word)) for word in ("BEGIN", "END"))
    if begin < 0 or end < 0:
        return "absent"
    return "whole" if lines[begin + 1 : end] == wanted else "altered"


def _last(lines: List[str], line: str) -> int:
    return max((number for number, one in enumerate(lines) if one == line), default=-1)


def package(check: Dict[str, Any]) -> Observation:
    """Observe which of the Debian packages are installed."""
    installed = installed_packages()
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
    return {"values": git_values(path).get(check["key"].lower(), [])}


def venv(check: Dict[str, Any]) -> Observation:
    """Observe how a venv differs from its lock and from its manifest, in words; `deep` hashes every file."""
    path = check["path"]
    if not manifest.alive(path):
        return {"exists": False}
    with open(check["lock"]) as stream:
        wanted = pins.locked(stream.read())
    entry = pwd.getpwnam(check["owner"]) if "owner" in check else None
    owner = (entry.pw_uid, entry.pw_gid) if entry else None
    allow = check.get("allow", "").split()
    before, held = manifest.status(path), manifest.read(path)
    done = attest.attest(path, wanted, allow, owner, bool(check.get("deep")), held)
    if held and done.hashed and not done.findings:
        # A venv that was copied, or came in an image: proven now, and not to be hashed at every look.
        files = {**held.files, **done.proven}
        manifest.refresh(path, before, held._replace(files=files, python=manifest.python(), taken=done.taken))
    return {"exists": True, **attest.report(done)}


def wheel(check: Dict[str, Any]) -> Observation:
    """Observe how what is installed of a wheel in a venv differs from it, in words."""
    if not manifest.alive(check["path"]):
        return {"exists": False}
    return {
        "exists": True,
        **attest.report(attest_wheel(check["path"], check["wheel"], bool(check.get("deep")))),
    }


def program(check: Dict[str, Any]) -> Observation:
    """Observe how the program uv differs from the one in the wheel that its lock names, in words."""
    with open(check["lock"]) as stream:
        pin = pins.locked(stream.read())["uv"]
    return {"wrong": origin.differs(check["path"], pin, bool(check.get("deep"))), "version": pin.version}


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


def owner_of(venv: str) -> str:
    """Return whose a venv is, of whom what is in it is run.

    A link is its maker's, wherever it leads, and nobody else can put something of root's in a folder of his own.
    """
    status = os.lstat(venv)
    if status.st_uid == 0 and os.lstat(os.path.dirname(venv.rstrip("/"))).st_uid != 0:
        raise PermissionError("{} is root's, in a folder that is not".format(venv))
    if status.st_uid == 0 and os.stat(venv).st_uid != 0:
        raise PermissionError("{} is root's link to what is not".format(venv))
    return pwd.getpwuid(status.st_uid).pw_name


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


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISDIR(mode):
        return "directory"
    return "file" if stat.S_ISREG(mode) else "other"


def user_name(uid: int) -> str:
    """Return a user's name, the number where nobody has it."""
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
def installed_packages() -> Set[str]:
    """Return what dpkg holds as installed, whatever is wished for it: a package on hold is there too."""
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
def git_values(path: str) -> Dict[str, List[str]]:
    """Return the values of every key in one file of git's configuration, keys in small letters."""
    # --file reads one file and follows no include, so a user's file cannot make root read another.
    returncode, output = run(["git", "config", "--file", path, "--list", "-z"], None, 5)
    if returncode:
        raise OSError("git config --file {}: {}".format(path, output.strip()))
    values: Dict[str, List[str]] = {}
    for record in filter(None, output.split("\0")):
        key, _, value = record.partition("\n")
        values.setdefault(key.lower(), []).append(value)
    return values
