"""The inventory of a sandbox: text for Ansible and for us, written whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Any

from dgops.files import write_atomic
from dgops.sandbox.spec import GROUPS
from dgops.transport.known_hosts import common_args, strict_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.sandbox.layout import Layout
    from dgops.sandbox.records import Record

# For the group and not for all: Ansible would give the variables of `all` to the hosts of other inventories too.
# A sandbox host's key stands at no forge, so nobody asks one.
VARIABLES = {"dgops_mode": "fast-test", "git_ssh__check_auth": False}
HEAD = "# Written by dgops sandbox up, removed by dgops sandbox down: edits here are lost.\n"


def write(layout: Layout, records: Sequence[Record]) -> None:
    """Write the inventory of these hosts."""
    write_atomic(layout.inventory / "hosts.yml", render(layout, records))


def remove(layout: Layout) -> None:
    """Remove the inventory, if it is the one that we wrote."""
    hosts = layout.inventory / "hosts.yml"
    if not hosts.is_file() or hosts.read_text().startswith(HEAD):
        shutil.rmtree(layout.inventory, ignore_errors=True)
        with contextlib.suppress(OSError):  # others' inventories stand beside it
            layout.inventory.parent.rmdir()


def render(layout: Layout, records: Sequence[Record]) -> str:
    """Return hosts.yml for these hosts."""
    import yaml

    children: dict[str, Any] = {}
    for group in GROUPS.values():
        hosts = {record.spec.name: variables(layout, record) for record in records if record.spec.group == group}
        children[group] = {"hosts": hosts}
    sandbox = {"vars": VARIABLES, "children": children}
    return HEAD + "---\n" + yaml.safe_dump({"all": {"children": {"sandbox": sandbox}}}, sort_keys=False, width=1000)


def variables(layout: Layout, record: Record) -> dict[str, Any]:
    """Return how one host is reached, as strictly by plain Ansible as by dgops."""
    found: dict[str, Any] = {
        "ansible_host": "127.0.0.1",
        "ansible_port": record.port,
        "ansible_user": record.spec.user,
        "ansible_ssh_private_key_file": str(layout.key),
        "ansible_ssh_common_args": common_args(f"dgops-{record.spec.name}", layout.known_hosts),
    }
    if record.spec.kind == "pod":
        found["persistent_root"] = "/workspace"
    return found


def ssh_command(layout: Layout, record: Record) -> list[str]:
    """Return the command that a person types to get in."""
    strict = strict_options(f"dgops-{record.spec.name}", layout.known_hosts)
    options = [word for key, value in strict.items() for word in ("-o", f"{key}={value}")]
    where = ["-o", "IdentitiesOnly=yes", "-p", str(record.port), f"{record.spec.user}@127.0.0.1"]
    return ["ssh", "-i", str(layout.key), *options, *where]
