"""Taking a whole sandbox down: nothing of it stays but the cached base image."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.jobs import memory
from dgops.sandbox import inventory, machine
from dgops.sandbox.containers import bridge
from dgops.sandbox.hosts import erase
from dgops.sandbox.layout import layout_of
from dgops.sandbox.progress import step
from dgops.sandbox.runpod import service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dgops.sandbox.layout import Layout
    from dgops.settings import Settings


@dataclass(frozen=True)
class Gone:
    """What was taken away, what is kept, and whose sandboxes still stand on this machine."""

    hosts: tuple[str, ...]
    cache: Path
    others: tuple[str, ...] = ()


def down(settings: Settings, report: Callable[[str], None] = machine.silent) -> Gone:
    """Take everything of the sandbox down, whatever state a killed command left it in."""
    layout = layout_of(settings)
    # Before anything is removed: it would start what is gone again.
    service.forget(settings)
    if not _is_there(layout):
        inventory.remove(layout)
        _tidy(layout.known_hosts.parent, [])
        return Gone((), layout.cache)
    machine.require_root()
    with machine.at_work(layout, report) as engine:
        names = _names(layout, engine.names("container", layout.prefix), engine.names("volume", layout.prefix))
        for name in names:
            with step(report, f"remove {name}"):
                erase(layout, engine, name)
        bridge.remove(engine, layout.network)
        inventory.remove(layout)
        shutil.rmtree(layout.folder, ignore_errors=True)
        others = machine.leave(layout, engine)
    _tidy(layout.known_hosts.parent, names)
    return Gone(tuple(names), layout.cache, tuple(others))


def _tidy(state: Path, names: list[str]) -> None:
    """Forget what was noted of these hosts; where no other host is pinned, leave no file behind."""
    for name in names:
        (state / "contracts" / f"{name}.json").unlink(missing_ok=True)
        memory.forget_host(state, name)
        # What sync noted of its replica there.
        shutil.rmtree(state / "sync" / name, ignore_errors=True)
    pins = state / "known_hosts"
    if pins.is_file() and pins.stat().st_size:
        return
    for path in (pins, state / ".known_hosts.lock", state / "ssh" / "config"):
        path.unlink(missing_ok=True)
    # What `hosts` and `deploy` keep to be faster is made again.
    shutil.rmtree(state / "inventories", ignore_errors=True)
    for folder in (*(state / name for name in ("contracts", "jobs", "ssh", "sync")), state):
        with contextlib.suppress(OSError):  # not there, or somebody else's files are in it
            folder.rmdir()


def _is_there(layout: Layout) -> bool:
    return layout.folder.exists() or machine.is_registered(layout) or machine.has_traces()


def _names(layout: Layout, containers: list[str], volumes: list[str]) -> list[str]:
    """Return every host that left a trace: a record, a container or a volume."""
    found = {path.stem for path in layout.records.glob("*.json")}
    found |= {container.removeprefix(layout.prefix) for container in containers}
    found |= {
        volume.removeprefix(layout.prefix).removesuffix("-workspace").removesuffix("-mnt-c") for volume in volumes
    }
    return sorted(found)
