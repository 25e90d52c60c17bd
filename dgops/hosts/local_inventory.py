"""The inventory that `dgops hosts add` writes: one file per host in inventories/local."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from dgops.errors import ConfigError, UsageError
from dgops.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dgops.hosts.inventory import Inventory
    from dgops.settings import Settings

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}", re.IGNORECASE)
RESERVED = ("all", "ungrouped", "localhost", "hosts", "group_vars", "host_vars", "README")
HEADER = """\
# Written by `dgops hosts add {name}`; adding it again keeps the keys that are not about connecting.
# Comments here are lost then: variables of your own are better kept in host_vars/{name}.yml beside this file.
---
"""


def folder(settings: Settings) -> Path:
    """Return the folder of the local inventory."""
    return settings.root.absolute() / "inventories" / "local"


def entry(settings: Settings, name: str) -> Path:
    """Return the file of one host."""
    return folder(settings) / f"{name}.yml"


def check_name(name: str, settings: Settings, inventory: Inventory) -> None:
    """Raise UsageError unless a host may be added under this name."""
    if not NAME.fullmatch(name) or name.endswith((".yml", ".yaml", ".")):
        raise UsageError(f"{name!r} cannot name a host", "letters, digits, _ . and - are fine, a letter or digit first")
    if name in RESERVED or (name in inventory.groups and name not in inventory.hosts):
        raise UsageError(f"{name} is a group, or a name that Ansible keeps for itself", "choose another name")
    host = inventory.hosts.get(name)
    if host is None:
        return
    if host.inventory.resolve() != folder(settings).resolve():
        raise UsageError(
            f"{name} is already a host of {host.inventory}",
            f"choose another name; or pin its key anew, without an ssh line:  dgops hosts add {name}",
        )
    if not entry(settings, name).is_file():
        raise UsageError(f"{name} was written by hand in {host.inventory}", "edit it there, or choose another name")


def write(settings: Settings, name: str, connection: Mapping[str, Any]) -> bool:
    """Write a host's file: its connection variables, and what a person added; returns whether it changed."""
    path = entry(settings, name)
    kept = {key: value for key, value in _variables(path, name).items() if not key.startswith("ansible_")}
    text = _render(name, {key: value for key, value in connection.items() if value} | kept)
    if path.is_file() and path.read_text() == text:
        return False
    write_atomic(path, text)
    return True


def _variables(path: Path, name: str) -> dict[str, Any]:
    import yaml

    if not path.is_file():
        return {}
    try:
        variables = yaml.safe_load(path.read_text())["all"]["hosts"][name]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        problem = f"{path}: not a host's file as dgops writes it: {error}"
        raise ConfigError([problem], "mend or remove that file") from None
    return dict(variables or {})


def _render(name: str, variables: Mapping[str, Any]) -> str:
    # JSON is YAML, and quotes what needs quotes.
    lines = [f"      {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in variables.items()]
    return HEADER.format(name=name) + "\n".join(["all:", "  hosts:", f"    {json.dumps(name)}:", *lines, ""])
