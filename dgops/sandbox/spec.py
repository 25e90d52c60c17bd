"""What one sandbox host should be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dgops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KINDS = ("pod", "wsl")
DISTROS = ("bookworm", "trixie")
DEFAULT_NAMES = {"pod": "pod", "wsl": "distro"}
USERS = {"pod": "root", "wsl": "wsluser"}
GROUPS = {"pod": "pods", "wsl": "wsl"}

# Ansible's own names, and the groups of the inventory that is written: a host of that name would be both.
_RESERVED = frozenset({"all", "ungrouped", "localhost", *GROUPS.values()})
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class HostSpec:
    """One host; `small` maps folders to sizes (`{"/home": "64m"}`) that can be filled to the brim."""

    name: str
    kind: str = "pod"
    distro: str = "bookworm"
    memory: str = ""
    small: Mapping[str, str] = field(default_factory=dict)
    public_key: bool = True

    @property
    def user(self) -> str:
        """Who logs in."""
        return USERS[self.kind]

    @property
    def group(self) -> str:
        """The inventory group that it stands in."""
        return GROUPS[self.kind]


def check_specs(specs: Iterable[HostSpec]) -> None:
    """Refuse names and kinds that cannot be; raises UsageError naming every one."""
    problems = [problem for spec in specs for problem in _problems(spec)]
    if problems:
        raise UsageError("; ".join(problems), "a name is small letters, digits and hyphens, such as pod2")


def _problems(spec: HostSpec) -> list[str]:
    problems = []
    if not _NAME.fullmatch(spec.name):
        problems.append(f"{spec.name!r} cannot name a sandbox host")
    if spec.name in _RESERVED:
        problems.append(f"{spec.name!r} is the name of an inventory group, not of a host")
    if spec.kind not in KINDS:
        problems.append(f"{spec.kind!r} is not a kind of host (one of: {', '.join(KINDS)})")
    if spec.distro not in DISTROS:
        problems.append(f"{spec.distro!r} is not a distribution (one of: {', '.join(DISTROS)})")
    return problems
