"""The tables: module → what may happen to what it keeps; each task that runs a command → what covers it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mutation import clones, conda, files, hosts, venv, wheels

BUILTIN = "ansible.builtin."
OWNED = {"state": "directory", "mode": True, "owner": True, "group": True}
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
    found = [spoilt for one in settings for spoilt in hosts.setting(role, home, one["key"])]
    return [*found, *hosts.key_pair(role, key), *hosts.git_file(role, home)]


def _venvs(spoil):
    def tamper(role, checks):
        # The apps' are built in the same way, from a lock that holds next to nothing here.
        paths = [one["path"] for one in checks if one["type"] == "venv" and one["path"].endswith("/.runtime-venv")]
        return [spoilt for path in paths for spoilt in spoil(role, path)]

    return tamper


def _made(role, checks):
    home = next(one["path"] for one in checks if one["type"] == "venv").rpartition("/")[0]
    return [*_venvs(venv.venv)(role, checks), *venv.program(role, f"{home}/.local/share/dgops/uv")]


def _wheel(role, checks):
    path = next(one["path"] for one in checks if one["type"] == "wheel")
    # Whose the files of a venv are is python_env's to see.
    script = [
        replace(one, role="python_env") if one.kind == "owner changed" else one
        for one in venv.program(role, f"{path}/bin/dgops")
    ]
    return [*venv.distribution(role, path, "dgops", "dgops/settings.py"), *script]


def _keys_folder(role, checks):
    path = next(one["path"] for one in checks if one["type"] == "directory")
    return [*files.file(role, {**OWNED, "path": path}), files.linked_folder(role, path)]


def _wheels(role, checks):
    cache = next(one["path"] for one in checks if one["type"] == "wheels")
    return wheels.locked(role, cache)


def _conda(role, checks):
    paths = [one["path"] for one in checks]
    prefix = next(path.removesuffix("/bin/conda") for path in paths if path.endswith("/bin/conda"))
    made = [path.removesuffix("/.dgops-lock") for path in paths if path.endswith("/.dgops-lock")]
    return [*conda.prefix(role, prefix), *(one for path in made for one in conda.environment(role, path))]


def _clones(role, checks):
    return [spoilt for one in checks if one["type"] == "clone" for spoilt in clones.clone(role, one["path"])]


def _database(role, checks):
    path = next(one["argv"][1] for one in checks if one["type"] == "command")
    return clones.database(role, path)


# (role, task) → what covers it
COVERED = {
    ("ai_toolkit", "Settle the clone"): Cover(("ai-toolkit is at its commit",), tamper=_clones),
    ("base", "Install packages"): Cover(("packages are installed",), tamper=_packages),
    ("ca_certificates", "Trust them"): Cover(("{{ file | basename }} is trusted",), tamper=_trust),
    ("comfyui", "Settle the clones"): Cover(("{{ clone.path | basename }} is at its commit",), tamper=_clones),
    ("comfyui", "Give the database to its user"): Cover(("the database is the user's",), tamper=_database),
    ("contract", "Build what goes to hosts"): Cover(why="it works on the controller"),
    ("contract", "Look at the host"): Cover(why="it only looks"),
    ("git_ssh", "Give back what root took"): Cover(
        ("the key is closed to others", "git's configuration is the user's")
    ),
    ("git_ssh", "Settle the key and git's configuration"): Cover(
        ("git uses the key", "the key is whole", "git's configuration is the user's"), tamper=_git
    ),
    ("musubi_tuner", "Settle the clone"): Cover(("musubi-tuner is at its commit",), tamper=_clones),
    ("python_env", "Give the venvs to their owner"): Cover(
        ("{{ venv.path | replace(user__home ~ '/', '') }} is as its lock says",), tamper=_venvs(venv.owner)
    ),
    ("python_env", "Make the venvs equal to their locks"): Cover(
        ("{{ venv.path | replace(user__home ~ '/', '') }} is as its lock says", "uv is the one of its lock"),
        tamper=_made,
    ),
    ("conda", "Make conda and its environments"): Cover(
        ("conda is installed", "{{ one.name }} was made from its lock", "{{ one.name }} has its history"), tamper=_conda
    ),
    ("dgops_runtime", "Install the wheel"): Cover(("dgops is installed as its wheel has it",), tamper=_wheel),
    ("sd_scripts", "Settle the clone"): Cover(("sd-scripts is at its commit",), tamper=_clones),
    ("user", "Make the folder for keys"): Cover(("the folder for keys is closed to others",), tamper=_keys_folder),
    ("wheel_cache", "Fetch what the locks need"): Cover(("the wheels of the locks are there",), tamper=_wheels),
}
# (role, task) → tamperings of what a module keeps there, where those of the module alone would not do.
TASKS = {
    # The role contract is bookkeeping and keeps no checks; who runs on its agent keeps that one.
    ("contract", "Carry the agent over"): lambda role, arguments: files.plain("dgops_runtime", arguments),
    ("wheel_cache", "Seed it from the controller"): wheels.seed,
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
    if (line["role"], line["task"]) in TASKS:
        return TASKS[line["role"], line["task"]](line["role"], line["args"])
    if line["args"].get("state") == "absent":
        return hosts.marker(line["role"], line["args"]["path"])
    return MODULES[line["module"]](line["role"], line["args"])
