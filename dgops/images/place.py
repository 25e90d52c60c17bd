"""A sandbox of its own for one build: the user's sandbox never meets it, and nothing of it stays."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError
from dgops.files import write_atomic
from dgops.images.kinds import SUITE, UID, USER
from dgops.sandbox import boot, inventory, locks, machine, teardown
from dgops.sandbox.containers import bridge, rootfs
from dgops.sandbox.hosts import client_key, ensure_image
from dgops.sandbox.layout import layout_of
from dgops.sandbox.progress import step
from dgops.sandbox.records import Record
from dgops.sandbox.spec import HostSpec
from dgops.settings import Setting, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from dgops.images.kinds import Kind
    from dgops.sandbox.layout import Layout

NAME = "image"
# How long a second build waits for the first before it says so.
_PATIENCE = 1.0
_EXPORT_SECONDS = 600


@dataclass(frozen=True)
class Place:
    """A build under way: its own settings, its container, and the folder for what lies on this machine's disk."""

    settings: Settings
    layout: Layout
    work: Path

    def run(self, script: str, timeout: float) -> str:
        """Run a shell script as root in the container and return what it printed."""
        with machine.at_work(self.layout) as engine:
            return engine.call("exec", self.layout.container(NAME), "sh", "-c", script, timeout=timeout)

    def export(self, tar: Path) -> None:
        """Write the container's file system, its volumes left out."""
        with machine.at_work(self.layout) as engine:
            engine.call("export", "--output", str(tar), self.layout.container(NAME), timeout=_EXPORT_SECONDS)


@contextmanager
def started(
    kind: Kind, variables: Mapping[str, Any], settings: Settings, report: Callable[[str], None]
) -> Iterator[Place]:
    """Start the bare container that the roles run on; whatever happens, it is gone afterwards.

    What a killed build has left is taken away first. One build at a time.
    """
    _require_root()
    folder = settings.state.resolve() / "image"
    with locks.hold(settings.state.resolve() / "image.lock", _PATIENCE):
        own = _settings(settings, folder)
        _clear(own, folder)
        try:
            layout = layout_of(own)
            record = _start(layout, kind, report)
            _write_inventory(own, layout, record, variables)
            work = folder / "work"
            work.mkdir()
            yield Place(own, layout, work)
        finally:
            with step(report, "take the container away"):
                _clear(own, folder)


def _require_root() -> None:
    if os.geteuid() != 0:
        raise DgopsError(
            "an image is made in a container with a network of its own, which needs root",
            "run it again as root: sudo -E dgops image build …",
        )


def _start(layout: Layout, kind: Kind, report: Callable[[str], None]) -> Record:
    recipe = rootfs.recipe_for(SUITE, kind.packages)
    with machine.at_work(layout, report) as engine:
        bridge.ensure(engine, layout.network, layout.label)
        image = ensure_image(layout, engine, recipe, report)
        with step(report, f"start a container for the {kind.name} image"):
            record = boot.start(layout, engine, Record(HostSpec(NAME)), image, client_key(layout))
            return boot.settle(layout, engine, record)


def _settings(settings: Settings, folder: Path) -> Settings:
    own = {"state": str(folder), "inventory": [str(folder / "inventory")]}
    values = {**settings.values, **{key: Setting(value, "image") for key, value in own.items()}}
    return replace(settings, values=values, project=folder, maps=())


def _write_inventory(settings: Settings, layout: Layout, record: Record, variables: Mapping[str, Any]) -> None:
    import yaml

    host = {
        **inventory.variables(layout, record),
        "user__name": USER,
        "user__uid": UID,
        "user__gid": UID,
        "user__authorized_keys_of_login": False,
        # A key that was made here would be in the hands of everybody who has the image.
        "git_ssh__forward_agent": True,
        **variables,
    }
    text = yaml.safe_dump({"all": {"hosts": {NAME: host}}}, width=1000)
    write_atomic(settings.inventories[0] / "hosts.yml", text)


def _clear(settings: Settings, folder: Path) -> None:
    teardown.down(settings)
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DgopsError(f"what a build left could not be taken away: {error}", f"rm -r {folder}") from error
