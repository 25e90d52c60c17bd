"""The tables: module → what may happen to what it keeps; each task that runs a command → what covers it."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mutation import files, hosts, venv

BUILTIN = "ansible.builtin."
# Modules that leave nothing on a host.
NOTHING = {BUILTIN + name for name in ("assert", "debug", "set_fact", "stat", "validate_argument_spec")}
COMMANDS = {BUILTIN + name for name in ("command", "shell", "script", "raw")}
# module → (role, arguments) → tamperings
MODULES = {
    BUILTIN + "blockinfile": files.block,
    BUILTIN + "copy": files.plain,
    BUILTIN + "file": files.file,
    BUILTIN + "group": hosts.group,
    BUILTIN + "template": files.plain,
    BUILTIN + "user": hosts.user,
}


@dataclass(frozen=True)
class Cover:
    """The checks, by their name in checks.yml, that prove a command's work; without any, the reason why."""

    checks: tuple[str, ...] = ()
    why: str = ""
    # (role, rendered checks of the role) → tamperings
    tamper: Callable = lambda role, checks: []


def _packages(role, checks):
    names = next(one["names"] for one in checks if one["type"] == "package").split()
    return [spoilt for name in names for spoilt in hosts.package(role, name)]


def _trust(role, checks):
    found, path = [], "/etc/ssl/certs/ca-certificates.crt"
    for one in checks:
        if one["path"] == path:
            found += hosts.bundle(role, path, one["block"])
    return [*found, *hosts.store(role, path)]


def _git(role, checks):
    settings = [one for one in checks if one["type"] == "git_config" and "value" in one]
    key = next(one["path"] for one in checks if one["type"] == "key_pair")
    home = key.partition("/.ssh/")[0]
    found = [spoilt for one in settings for spoilt in hosts.setting(role, one["user"], home, one["key"])]
    return [*found, *hosts.key_pair(role, key), *hosts.git_file(role, home)]


def _venvs(spoil):
    def tamper(role, checks):
        return [spoilt for one in checks if one["type"] == "venv" for spoilt in spoil(role, one["path"])]

    return tamper


def _made(role, checks):
    home = next(one["path"] for one in checks if one["type"] == "venv").rpartition("/")[0]
    return [*_venvs(venv.venv)(role, checks), *venv.program(role, f"{home}/.local/share/dgops/uv")]


def _wheel(role, checks):
    program = next(one["path"] for one in checks if one["path"].endswith("/bin/dgops") and one["type"] == "file")
    path = program.removesuffix("/bin/dgops")
    return [*venv.distribution(role, path, "dgops", "dgops/settings.py"), *venv.program(role, program)]


# (role, task) → what covers it
COVERED = {
    ("base", "Install packages"): Cover(("packages are installed",), tamper=_packages),
    ("ca_certificates", "Trust them"): Cover(("{{ file | basename }} is trusted",), tamper=_trust),
    ("contract", "Build what goes to hosts"): Cover(why="it works on the controller"),
    ("contract", "Look at the host"): Cover(why="it only looks"),
    ("git_ssh", "Settle the key and git's configuration"): Cover(
        ("git uses the key", "the key is whole", "git's configuration is the user's"), tamper=_git
    ),
    ("python_env", "Give the venvs to their owner"): Cover(
        ("{{ venv.path | basename }} is as its lock says",), tamper=_venvs(venv.owner)
    ),
    ("python_env", "Make the venvs equal to their locks"): Cover(
        ("{{ venv.path | basename }} is as its lock says",), tamper=_made
    ),
    ("dgops_runtime", "Install the wheel"): Cover(("dgops is installed",), tamper=_wheel),
}


def tamperings(record, checks):
    """Return what may happen to all that a recorded run has kept, each once.

    record: the recorder's lines. checks: the rendered checks, which say what a command's arguments do not.
    """
    found = {}
    for line in record:
        if not line["skipped"]:
            for one in _of(line, [check for check in checks if check["role"] == line["role"]]):
                found.setdefault((one.role, one.name), one)
    return list(found.values())


def _of(line, checks):
    if line["module"] in NOTHING:
        return []
    if line["module"] in COMMANDS:
        return COVERED[line["role"], line["task"]].tamper(line["role"], checks)
    if line["args"].get("state") == "absent":
        return hosts.marker(line["role"], line["args"]["path"])
    return MODULES[line["module"]](line["role"], line["args"])


# What no check notices yet: a pattern of "role: target: kind" → why.
_FILES = "the check of a venv goes by names and versions so far"
_UV = "no check looks at uv so far"
_WHEEL = "the check of the installed wheel goes by the program's owner so far"
AWAITED = {
    "python_env: */owner: a file is root's": _FILES,
    "python_env: *: *module altered": _FILES,
    "python_env: *: module removed": _FILES,
    "python_env: *: METADATA altered": _FILES,
    "python_env: *-venv/bin/markdown-it: *": _FILES,
    "python_env: *-venv/bin/pygmentize: *": _FILES,
    "python_env: *-venv/bin/python: leads elsewhere": _FILES,
    "python_env: *: a module planted*": _FILES,
    "python_env: *: a .pth planted": _FILES,
    "python_env: *: a package planted": _FILES,
    "python_env: */pyvenv.cfg: *": _FILES,
    "python_env: */uv: *": _UV,
    "dgops_runtime: *-venv/dgops: *": _WHEEL,
    "dgops_runtime: *-venv/bin/dgops: altered": _WHEEL,
    "dgops_runtime: *-venv/bin/dgops: not executable": _WHEEL,
}


def awaited(one):
    """Return why nobody can notice a tampering yet, an empty text where somebody must."""
    return next((why for part, why in AWAITED.items() if fnmatchcase(f"{one.role}: {one.name}", part)), "")
