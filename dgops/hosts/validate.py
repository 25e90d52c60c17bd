"""Hosts out of an inventory's variables, and every mistake in how they say to connect."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.hosts import secrets
from dgops.hosts.host import Host
from dgops.hosts.paths import advice, is_windows_path
from dgops.hosts.wsl_conf import MOUNT
from dgops.hosts.yaml_files import where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dgops.hosts.source import Listing

CONNECTIONS = {
    "ssh": "ssh",
    "smart": "ssh",
    "ansible.builtin.ssh": "ssh",
    "local": "local",
    "ansible.builtin.local": "local",
    "fake": "fake",
}
NAMES = {
    "address": ("ansible_host", "ansible_ssh_host"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "identity": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
    "connection": ("ansible_connection",),
}
ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
# A leading dash would be an option to ssh.
ADDRESS = re.compile(r"[A-Za-z0-9_\[:][A-Za-z0-9_.:%\]-]*")
# In a pattern these mean other hosts, or more of them.
NO_NAME = re.compile(r"[\s,:;!&*?\[\]{}~/\\]|^[-.]")
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@$\\+-]*")


@dataclass(frozen=True)
class Reader:
    """Makes hosts of a listing; mistakes are added to problems."""

    listing: Listing
    root: Path
    problems: list[str]

    def hosts(self) -> Iterator[Host]:
        """Yield each host of the listing."""
        for name, variables in self.listing.hosts.items():
            yield self._host(name, variables)

    def _host(self, name: str, variables: Mapping[str, Any]) -> Host:
        if NO_NAME.search(name):
            self.problems.append(
                f"{self.listing.folder}: {name!r} cannot name a host: letters, digits, _ . and - are fine"
            )
        values = {field: self._value(name, variables, field) for field in NAMES}
        for key in (*ARGUMENTS, "persistent_root"):
            self._check_text(name, variables, key)
        if faults := secrets.wish_faults(variables.get(secrets.VARIABLE)):
            self._note(name, secrets.VARIABLE, "; ".join(faults))
        groups = [group for group, members in self.listing.groups.items() if name in members]
        return Host(
            name=name,
            connection=self._connection(name, *values["connection"]),
            address=self._matching(name, *values["address"], ADDRESS, "an address") or "",
            port=self._port(name, *values["port"]),
            user=self._matching(name, *values["user"], USER, "a user name"),
            identity=self._identity(name, *values["identity"]),
            groups=tuple(group for group in groups if group not in ("all", "ungrouped")),
            variables=dict(variables),
            inventory=self.listing.folder,
        )

    def _value(self, name: str, variables: Mapping[str, Any], field: str) -> tuple[str, Any]:
        """Return the key that sets a field and its value; None where none does, or where it is no plain one."""
        key = next((key for key in NAMES[field] if variables.get(key) is not None), NAMES[field][0])
        value = variables.get(key)
        if isinstance(value, str) and "{{" in value:
            self._note(name, key, f"{value} is a template; dgops reads how to connect as plain values")
            return key, None
        return key, value

    def _connection(self, name: str, key: str, value: Any) -> str:
        if value is None:
            return "ssh"
        if str(value) not in CONNECTIONS:
            known = ", ".join(sorted(set(CONNECTIONS.values())))
            self._note(name, key, f"{value!r} is no connection that dgops knows ({known})")
        return CONNECTIONS.get(str(value), "ssh")

    def _port(self, name: str, key: str, value: Any) -> int | None:
        if value is None:
            return None
        text = str(value)
        if isinstance(value, bool) or not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
            self._note(name, key, f"{value!r} is not a port (a whole number from 1 to 65535)")
            return None
        return int(text)

    def _matching(self, name: str, key: str, value: Any, shape: re.Pattern[str], noun: str) -> str | None:
        if value is None:
            return None
        text = str(value)
        if is_windows_path(text) and shape is ADDRESS:
            self._note(name, key, f"{text!r} is a Windows path where an address belongs")
        elif not shape.fullmatch(text):
            self._note(name, key, f"{value!r} is not {noun}")
        return text

    def _identity(self, name: str, key: str, value: Any) -> Path | None:
        if value is None:
            return None
        text = str(value)
        if is_windows_path(text):
            self._note(name, key, advice(text))
            return None
        path = self.root / Path(text).expanduser()
        if not path.is_file():
            self._note(name, key, f"there is no key file {path}")
        return path

    def _check_text(self, name: str, variables: Mapping[str, Any], key: str) -> None:
        value = variables.get(key)
        if value is None or "{{" in str(value):
            return
        if key == "persistent_root":
            if is_windows_path(str(value)):
                # A path of the host, whose drives nobody has looked for yet.
                self._note(name, key, advice(str(value), MOUNT))
            elif not str(value).startswith("/"):
                self._note(name, key, f"{value!r} is not an absolute path")
            return
        try:
            shlex.split(str(value))
        except ValueError as error:
            self._note(name, key, f"{value!r}: {error}")

    def _note(self, name: str, key: str, problem: str) -> None:
        groups = [group for group, members in self.listing.groups.items() if name in members]
        place = where(self.listing.folder, name, groups, key)
        text = f"{place}: {key} ({name}): {problem}"
        # A group's variable is wrong once, not once per host.
        shared = f"{place}: {key}:" if "group_vars" in place else text
        if not any(known.startswith(shared) for known in self.problems):
            self.problems.append(f"{place}: {key}: {problem}" if "group_vars" in place else text)
