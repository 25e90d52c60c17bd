"""Which hosts exist: Ansible's inventories, read by ansible-inventory and remembered by their content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import ConfigError
from dgops.hosts import patterns, source
from dgops.hosts.validate import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dgops.hosts.host import Host
    from dgops.hosts.source import Listing
    from dgops.settings import Settings

# Looked in where nobody names an inventory; the last one once a pod was rented from here.
DEFAULTS = ("sandbox", "local")
RENTED = "runpod"


@dataclass(frozen=True)
class Inventory:
    """Every host of every inventory in use, by name, and the groups that they are in."""

    hosts: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]]
    sources: tuple[Path, ...] = ()

    def select(self, pattern: str) -> list[Host]:
        """Return the hosts that an Ansible pattern names; raises UsageError with near matches."""
        return [self.hosts[name] for name in patterns.select(pattern, tuple(self.hosts), self.groups)]


def sources(settings: Settings) -> tuple[Path, ...]:
    """Return the inventories in use: those asked for, else the sandbox's, the local one and that of rented pods."""
    if settings.inventories:
        return settings.inventories
    rented = any((settings.state / "pods").glob("*/*.json"))
    folders = (settings.root / "inventories" / name for name in (*DEFAULTS, *([RENTED] if rented else [])))
    return tuple(folder for folder in folders if folder.is_dir())


def load(settings: Settings) -> Inventory:
    """Read the inventories in use; raises ConfigError with every mistake at once."""
    return _assembled(settings, sources(settings), source.read)


def remembered(settings: Settings) -> Inventory:
    """Return what the last loads found, without starting anything: for completion, which must not wait."""
    try:
        return _assembled(settings, sources(settings), source.recall)
    except ConfigError:
        return Inventory({}, {})


def _assembled(settings: Settings, folders: Sequence[Path], read: Callable[[Path, Settings], Listing]) -> Inventory:
    missing = [f"{folder}: there is no such inventory" for folder in folders if not folder.exists()]
    if missing:
        raise ConfigError(missing, "dgops settings tells which setting named it; dgops init writes a first one")
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=max(1, len(folders))) as pool:
        listings = list(pool.map(lambda folder: read(folder, settings), folders))
    problems = [problem for listing in listings for problem in listing.problems]
    hosts: dict[str, Host] = {}
    for listing in listings:
        for host in Reader(listing, settings.root, problems).hosts():
            other = hosts.setdefault(host.name, host)
            if other is not host:
                problems.append(f"{host.name} is in two inventories: {other.inventory} and {host.inventory}")
    if problems:
        raise ConfigError(problems, "mend the files named above; dgops hosts list shows when all is well")
    return Inventory(hosts, _merged([listing.groups for listing in listings]), tuple(folders))


def _merged(all_groups: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    merged: dict[str, tuple[str, ...]] = {}
    for groups in all_groups:
        for name, members in groups.items():
            merged[name] = tuple(dict.fromkeys([*merged.get(name, ()), *members]))
    return merged
