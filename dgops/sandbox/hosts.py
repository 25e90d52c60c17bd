"""Sandbox hosts: up, list, start, stop, remove; each may be repeated, and killed at any line."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, UsageError
from dgops.sandbox import boot, inventory, machine, records
from dgops.sandbox.containers import bridge, rootfs
from dgops.sandbox.layout import layout_of
from dgops.sandbox.progress import step
from dgops.sandbox.records import Record
from dgops.sandbox.spec import check_specs
from dgops.transport.known_hosts import KnownHosts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dgops.sandbox.containers.engine import Engine
    from dgops.sandbox.containers.rootfs import Recipe
    from dgops.sandbox.layout import Layout
    from dgops.sandbox.spec import HostSpec
    from dgops.settings import Settings

    Report = Callable[[str], None]


@dataclass(frozen=True)
class SandboxHost:
    """A host as it stands: `outcome` is started or reused after `up`, empty in a list."""

    spec: HostSpec
    status: str
    port: int
    fingerprints: tuple[str, ...]
    key: Path
    ssh: tuple[str, ...]
    outcome: str = ""

    @property
    def name(self) -> str:
        """Its name in the inventory."""
        return self.spec.name

    @property
    def ssh_line(self) -> str:
        """The command that gets in, to copy and paste."""
        return shlex.join(self.ssh)


def up(specs: Sequence[HostSpec], settings: Settings, report: Report = machine.silent) -> list[SandboxHost]:
    """Bring these hosts up: what runs is reused, what stopped is started, what is missing is made."""
    check_specs(specs)
    layout = layout_of(settings)
    machine.require_root()
    with machine.at_work(layout, report) as engine:
        return _bring_up(layout, engine, [_record(layout, spec) for spec in specs], report)


def start(name: str, settings: Settings, report: Report = machine.silent) -> SandboxHost:
    """Start a stopped host again: a pod with an empty container disk, new host keys and a new port."""
    record = known(layout_of(settings), name)
    return up([record.spec], settings, report)[0]


def stop(name: str, settings: Settings, grace: float = 1.0) -> None:
    """Stop a host as a provider does: SIGTERM to its first process only, and SIGKILL after the grace time."""
    layout = layout_of(settings)
    container = layout.container(known(layout, name).spec.name)
    with machine.at_work(layout) as engine:
        engine.call("stop", "--time", str(round(grace)), container, timeout=60 + grace)


def remove(name: str, settings: Settings) -> None:
    """Take one host away, with its volume, its pin and its line in the inventory."""
    layout = layout_of(settings)
    with machine.at_work(layout) as engine:
        erase(layout, engine, name)
        inventory.write(layout, records.load_all(layout))


def listed(settings: Settings) -> list[SandboxHost]:
    """Return every host of the sandbox and how it stands; looks at the engine only if there are any."""
    layout = layout_of(settings)
    found = records.load_all(layout)
    if not found:
        return []
    machine.require_root()
    engine = machine.look(layout)
    return [_view(layout, engine, record) for record in found]


def erase(layout: Layout, engine: Engine, name: str) -> None:
    """Remove what the engine, the pins and the records hold of a host; nothing there is fine."""
    engine.discard(layout.container(name))
    for volume in engine.names("volume", f"{layout.container(name)}-"):
        engine.attempt("volume", "rm", "--force", volume)
    KnownHosts(layout.known_hosts).forget(f"dgops-{name}")
    records.forget(layout, name)


def known(layout: Layout, name: str) -> Record:
    """Return a host's record; raises UsageError where there is none of that name."""
    record = records.load(layout, name)
    if record is None:
        names = ", ".join(other.spec.name for other in records.load_all(layout)) or "none"
        raise UsageError(f"no sandbox host is named {name} (there: {names})", "dgops sandbox list")
    return record


def _record(layout: Layout, spec: HostSpec) -> Record:
    record = records.load(layout, spec.name)
    if record is None:
        return Record(spec)
    if (record.spec.kind, record.spec.distro) != (spec.kind, spec.distro):
        raise UsageError(
            f"{spec.name} is a {record.spec.kind} on {record.spec.distro}, not a {spec.kind} on {spec.distro}",
            "choose another name, or dgops sandbox down first",
        )
    return record


def _bring_up(layout: Layout, engine: Engine, wanted: list[Record], report: Report) -> list[SandboxHost]:
    public_key = client_key(layout)
    bridge.ensure(engine, layout.network, layout.label)
    outcomes: dict[str, str] = {}
    started: list[Record] = []
    for record in wanted:
        outcomes[record.spec.name] = outcome = _revive(layout, engine, record)
        if outcome == "started":
            image = ensure_image(layout, engine, rootfs.recipe_for(record.spec.distro), report)
            with step(report, f"start {record.spec.name} ({record.spec.kind}, {record.spec.distro})"):
                record = boot.start(layout, engine, record, image, public_key)  # noqa: PLW2901
        started.append(record)
    for record in started:
        with step(report, f"host keys and pin of {record.spec.name}"):
            boot.settle(layout, engine, record)
    inventory.write(layout, records.load_all(layout))
    return [_view(layout, engine, known(layout, record.spec.name), outcomes[record.spec.name]) for record in wanted]


def _revive(layout: Layout, engine: Engine, record: Record) -> str:
    """Make a host that is only held up run again; returns reused, or started where it must be started."""
    container = layout.container(record.spec.name)
    found = engine.inspect(container)
    status = boot.state_of(found)
    if found is None or status not in ("running", "paused") or not record.port:
        return "started"
    if status == "paused":
        engine.call("unpause", container)
    if layout.network not in (found["NetworkSettings"].get("Networks") or {}):
        engine.call("network", "connect", layout.network, container)
    return "reused"


def _view(layout: Layout, engine: Engine | None, record: Record, outcome: str = "") -> SandboxHost:
    status = boot.state_of(engine.inspect(layout.container(record.spec.name))) if engine else "stopped"
    command = tuple(inventory.ssh_command(layout, record))
    return SandboxHost(record.spec, status, record.port, record.fingerprints, layout.key, command, outcome)


def client_key(layout: Layout) -> str:
    """Return the public half of the sandbox's key, made at first use."""
    public = layout.key.with_suffix(".pub")
    if not (layout.key.is_file() and public.is_file()):
        layout.folder.mkdir(parents=True, exist_ok=True)
        layout.folder.chmod(0o700)
        layout.key.unlink(missing_ok=True)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"dgops-{layout.identity}", "-f", str(layout.key)]
        try:
            subprocess.run(argv, check=True, capture_output=True, timeout=20, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            raise DgopsError(
                f"could not make a key with ssh-keygen: {error}", "apt-get install openssh-client"
            ) from error
    return public.read_text().strip()


def ensure_image(layout: Layout, engine: Engine, recipe: Recipe, report: Report) -> str:
    """Return the image of a recipe, built and imported where that has not been done."""
    image = machine.image_name(recipe.suite, recipe.digest)
    if engine.attempt("image", "inspect", image).returncode == 0:
        return image
    with step(report, f"base image {recipe.suite}"):
        tar = rootfs.build(recipe, layout.cache, report)
    with step(report, f"import {tar.name}"):
        engine.call("import", str(tar), image, timeout=300)
    return image
