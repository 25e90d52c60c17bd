"""Starting one host's container, and believing that it is up: banner, host keys, pin."""

from __future__ import annotations

import re
import shlex
import time
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, HostKeyError
from dgops.files import write_atomic
from dgops.sandbox import records
from dgops.sandbox.containers.engine import complaint
from dgops.sandbox.ports import free_port, has_banner
from dgops.transport.known_hosts import KnownHosts, fingerprint

if TYPE_CHECKING:
    from dgops.sandbox.containers.engine import Engine
    from dgops.sandbox.layout import Layout
    from dgops.sandbox.records import Record

_BOOT_SECONDS = 60
_TRIES = 5
_PRINTED = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_READ_HOST_KEYS = ("sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub")
_MOUNTS = {"pod": ("workspace", "/workspace"), "wsl": ("mnt-c", "/mnt/c")}


def start(layout: Layout, engine: Engine, record: Record, image: str, public_key: str) -> Record:
    """Start a host that does not run. A pod comes up anew from its image; a WSL distro as it was left."""
    container = layout.container(record.spec.name)
    found = engine.inspect(container)
    if found and record.spec.kind == "wsl" and found["State"]["Status"] != "created":
        engine.call("start", container)
        return record
    engine.discard(container)
    script = layout.folder / f"{record.spec.kind}-start.sh"
    source = resources.files("dgops.sandbox.containers") / script.name
    write_atomic(script, source.read_bytes(), 0o755)
    for _ in range(_TRIES):
        record = record.with_port(free_port(avoid=record.port))
        records.save(layout, record)
        completed = engine.attempt(*run_arguments(layout, engine.limits, record, image, public_key))
        if completed.returncode == 0:
            return record
        engine.discard(container)
        if "address already in use" not in completed.stderr and "port is already allocated" not in completed.stderr:
            break
    raise DgopsError(f"{record.spec.name} did not start: {complaint(completed)}", "dgops sandbox down, then up again")


def run_arguments(layout: Layout, limits: tuple[str, ...], record: Record, image: str, public_key: str) -> list[str]:
    """Return the engine's arguments that make and start one host's container."""
    spec = record.spec
    purpose, mount = _MOUNTS[spec.kind]
    arguments = ["run", "--detach", "--pull=never", "--name", layout.container(spec.name)]
    arguments += ["--label", layout.label, "--label", f"dgops.name={spec.name}"]
    arguments += ["--network", layout.network, "--publish", f"127.0.0.1:{record.port}:22", *limits]
    arguments += ["--volume", f"{layout.volume(spec.name, purpose)}:{mount}"]
    arguments += ["--volume", f"{layout.folder / f'{spec.kind}-start.sh'}:/start.sh:ro"]
    # An engine's own 64 MB is what rented pods are spared: it breaks data loaders.
    arguments += ["--shm-size", "1g"]
    if spec.memory:
        arguments += ["--memory", spec.memory]
    for folder, size in sorted(spec.small.items()):
        arguments += ["--tmpfs", f"{folder}:size={size},mode=0755"]
    for key, value in environment(record, public_key if spec.public_key else "").items():
        arguments += ["--env", f"{key}={value}"]
    return [*arguments, image, "/start.sh"]


def environment(record: Record, public_key: str) -> dict[str, str]:
    """Return what the container's first process finds in its environment."""
    if record.spec.kind == "wsl":
        return {"PUBLIC_KEY": public_key}
    return {
        "PUBLIC_KEY": public_key,
        "RUNPOD_CPU_COUNT": "2",
        "RUNPOD_DC_ID": "SANDBOX-1",
        "RUNPOD_GPU_COUNT": "0",
        "RUNPOD_POD_HOSTNAME": f"{record.pod_id}-sandbox",
        "RUNPOD_POD_ID": record.pod_id,
        "RUNPOD_PUBLIC_IP": "127.0.0.1",
        "RUNPOD_TCP_PORT_22": str(record.port),
        "RUNPOD_VOLUME_ID": f"{record.pod_id}-workspace",
    }


def settle(layout: Layout, engine: Engine, record: Record) -> Record:
    """Wait for a host's SSH server, compare its keys with the ones it printed, and pin them."""
    container = layout.container(record.spec.name)
    if not record.spec.public_key:
        return record
    _await_banner(engine, container, record)
    # From inside, through the engine: nobody on the network can put keys of his own in between.
    keys = engine.call("exec", container, *_READ_HOST_KEYS).splitlines()
    keys = [" ".join(key.split()[:2]) for key in keys if key.strip()]
    fingerprints = tuple(fingerprint(key) for key in keys)
    printed = _PRINTED.findall(engine.call("logs", container))
    strangers = [mark for mark in fingerprints if mark not in printed]
    if strangers or not keys:
        raise HostKeyError(
            f"{record.spec.name} shows host keys that it did not print at its start: {', '.join(strangers) or 'none'}",
            "dgops sandbox down, then up again",
        )
    KnownHosts(layout.known_hosts).pin(f"dgops-{record.spec.name}", keys)
    settled = replace(record, fingerprints=fingerprints)
    records.save(layout, settled)
    return settled


def state_of(found: dict[str, Any] | None) -> str:
    """Return running, paused, stopped or gone from what the engine knows."""
    if found is None:
        return "gone"
    status = str(found["State"]["Status"])
    return status if status in ("running", "paused") else "stopped"


def _await_banner(engine: Engine, container: str, record: Record) -> None:
    deadline = time.monotonic() + _BOOT_SECONDS
    while not has_banner(record.port):
        if state_of(engine.inspect(container)) != "running":
            raise DgopsError(f"{record.spec.name} ended while starting: {_log_tail(engine, container)}")
        if time.monotonic() > deadline:
            raise DgopsError(
                f"{record.spec.name}: no SSH server on port {record.port} within {_BOOT_SECONDS} s: "
                f"{_log_tail(engine, container)}",
                f"look: {shlex.join([*engine.prefix, engine.program, 'logs', container])}",
            )
        time.sleep(0.05)


def _log_tail(engine: Engine, container: str) -> str:
    completed = engine.attempt("logs", "--tail", "5", container)
    return " | ".join((completed.stdout + completed.stderr).split("\n")).strip(" |") or "it printed nothing"
