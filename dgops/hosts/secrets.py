"""Secrets by name: from the keyring, else from the environment, and for those who ask for them only."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import ConfigError, DgopsError, UsageError
from dgops.events import log
from dgops.hosts import keyring_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dgops.hosts.host import Host

VARIABLE = "dgops_secrets"
# Looked for in the keyring and the environment though nobody set them here.
KNOWN = (
    "CIVITAI_TOKEN",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "HF_TOKEN",
    "KAGGLE_KEY",
    "LIGHTNING_API_KEY",
    "RUNPOD_API_KEY",
    "WANDB_API_KEY",
)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
# What decides how programs start, what they load and whom they ask is no place for a secret.
RESERVED = re.compile(
    "BASHOPTS|BASH_ENV|CDPATH|CUDA_VISIBLE_DEVICES|DISPLAY|EDITOR|ENV|GCONV_PATH|GLIBC_TUNABLES|HOME|HOSTALIASES"
    "|HOSTNAME|IFS|JAVA_TOOL_OPTIONS|LANG|LANGUAGE|LOGNAME|MAIL|NODE_OPTIONS|NODE_PATH|OLDPWD|PAGER|PATH|PERL5LIB"
    "|PERL5OPT|PROMPT_COMMAND|PS[0-4]|PWD|RES_OPTIONS|RUBYLIB|RUBYOPT|SHELL|SHELLOPTS|SSH_ASKPASS|SSH_AUTH_SOCK"
    "|TEMP|TERM|TMP|TMPDIR|TZ|USER|VIRTUAL_ENV|VISUAL"
)
RESERVED_STARTS = ("ANSIBLE_", "DGOPS_", "DYLD_", "LC_", "LD_", "PYTHON", "SUDO_", "XDG_")
# Their other variables name programs and servers.
TOOLS, TOKENS = ("CONDA_", "GIT_", "PIP_", "UV_"), ("_KEY", "_PASSWORD", "_TOKEN")
# Shorter ones could not be taken out of a log without taking out half of it; an environment's variable holds no more.
SHORTEST, LONGEST = 6, 65536
# Newlines and tabs belong to keys; nothing else of this kind belongs to a secret.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Secret:
    """A secret without its value: its name, where it comes from (keyring, environment, missing), who wants it."""

    name: str
    source: str
    wanted_by: tuple[str, ...] = ()


def name_fault(name: str) -> str:
    """Return what is wrong with a name, else nothing."""
    if not NAME.fullmatch(name):
        return "is no name of an environment variable (letters, digits and _)"
    steers = RESERVED.fullmatch(name) or name.startswith(RESERVED_STARTS) or name.lower().endswith("_proxy")
    if steers or (name.startswith(TOOLS) and not name.endswith(TOKENS)):
        return "means something else to programs, so it cannot be a secret"
    return ""


def value_fault(value: str) -> str:
    """Return what is wrong with a value, in words that do not hold it, else nothing."""
    if not SHORTEST <= len(value.encode(errors="surrogatepass")) <= LONGEST:
        return f"is shorter than {SHORTEST} characters" if len(value) < SHORTEST else f"is over {LONGEST // 1024} KiB"
    if CONTROL.search(value):
        return "holds a control character"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "is not UTF-8"
    return ""


def wish_faults(value: Any) -> list[str]:
    """Return what is wrong with an inventory's `dgops_secrets`, else nothing."""
    if value is None:
        return []
    if not isinstance(value, list):
        return [f"{value!r} is not a list of names, such as [HF_TOKEN]"]
    return [
        f"{name!r} {fault}"
        for name in value
        if (fault := name_fault(name) if isinstance(name, str) else "is not a name")
    ]


def wanted(host: Host) -> tuple[str, ...]:
    """Return the names of the secrets that a host's inventory asks for."""
    value = host.variables.get(VARIABLE)
    if faults := wish_faults(value):
        raise ConfigError([f"{host.name}: {VARIABLE}: {fault}" for fault in faults])
    return tuple(dict.fromkeys(value or ()))


def load(names: Iterable[str]) -> dict[str, str]:
    """Return each secret's value: the keyring's, else the environment's.

    Raises UsageError naming all that are in neither, or that no environment could hold.
    """
    asked = list(dict.fromkeys(names))
    found, trouble = _found(asked)
    _require({name: "" for name in asked if name not in found}, trouble)
    return found


def for_hosts(hosts: Sequence[Host]) -> dict[str, dict[str, str]]:
    """Return what each host wants and nothing else; raises as `load` does, naming each host that goes without."""
    wishes = {host.name: wanted(host) for host in hosts}
    asked = list(dict.fromkeys(name for wish in wishes.values() for name in wish))
    found, trouble = _found(asked)
    without = {
        name: ", ".join(host for host, wish in wishes.items() if name in wish) for name in asked if name not in found
    }
    _require(without, trouble)
    return {host: {name: found[name] for name in wish} for host, wish in wishes.items()}


def listed(hosts: Sequence[Host] = ()) -> tuple[list[Secret], str]:
    """Return every secret known here or wanted by a host, by name, and what kept the keyring from answering, if any."""
    wishes = {host.name: () if wish_faults(host.variables.get(VARIABLE)) else wanted(host) for host in hosts}
    asked = sorted({*keyring_store.names(), *KNOWN, *(name for wish in wishes.values() for name in wish)})
    trouble = ""
    kept: set[str] = set()
    try:
        kept = keyring_store.held(asked)
    except DgopsError as error:
        trouble = error.message
    secrets = [
        Secret(name, _source(name, kept), tuple(host for host, wish in wishes.items() if name in wish))
        for name in asked
    ]
    set_here = keyring_store.names()
    return [one for one in secrets if one.source != "missing" or one.wanted_by or one.name in set_here], trouble


def _source(name: str, kept: set[str]) -> str:
    if name in kept:
        return "keyring"
    return "environment" if os.environ.get(name) else "missing"


def _found(asked: list[str]) -> tuple[dict[str, str], DgopsError | None]:
    """Return the values that there are, and what kept the keyring from answering."""
    if not asked:
        return {}, None
    faults = [f"{name} {fault}" for name in asked if (fault := name_fault(name))]
    if faults:
        raise UsageError("; ".join(faults), "a secret is named as its environment variable, such as HF_TOKEN")
    trouble = None
    kept: dict[str, str] = {}
    try:
        kept = keyring_store.read(asked)
    except DgopsError as error:
        trouble = error
    values = {name: kept.get(name) or os.environ.get(name, "") for name in asked}
    found = {name: value for name, value in values.items() if value}
    log.register(found.values())
    faults = [f"{name} {fault}" for name, value in found.items() if (fault := value_fault(value))]
    if faults:
        raise UsageError("; ".join(faults), "look at what the keyring or the environment holds under that name")
    return found, trouble


def _require(without: dict[str, str], trouble: DgopsError | None) -> None:
    """Raise UsageError where a secret is nowhere; `without` says which hosts want it."""
    if not without:
        return
    where = "neither in the keyring nor in the environment"
    if trouble:
        where = f"not in the environment, and {trouble.message}"
    who = [f"{name}, wanted by {hosts}" if hosts else name for name, hosts in without.items()]
    first = next(iter(without))
    hint = trouble.hint.replace("NAME", first) if trouble else f"dgops secrets set {first}"
    if len(who) > 1:
        raise UsageError("\n  ".join([f"{len(who)} secrets are {where}:", *who]), hint)
    raise UsageError(f"{who[0]}{',' if without[first] else ''} is {where}", hint)
