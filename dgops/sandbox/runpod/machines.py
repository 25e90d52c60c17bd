"""The containers behind the double's pods: disk new at each start, volumes kept, a new port and new host keys."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Protocol

from dgops.errors import DgopsError
from dgops.files import write_atomic
from dgops.sandbox import hosts, machine
from dgops.sandbox.containers import bridge, rootfs
from dgops.sandbox.containers.engine import complaint
from dgops.sandbox.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dgops.sandbox.containers.engine import Engine
    from dgops.sandbox.layout import Layout
    from dgops.sandbox.runpod.door import Door
    from dgops.sandbox.runpod.pods import RentedPod

_DISTRO = "bookworm"
_TRIES = 5


class Machines(Protocol):
    """Where pods run."""

    def start(self, pod: RentedPod, slow: float) -> int:
        """Start a pod from nothing but its volume and return its port; sshd comes up `slow` seconds later."""

    def stop(self, pod_id: str, grace: float) -> None:
        """Tell the first process, kill it after the grace time, and wipe the container disk."""

    def remove(self, pod: RentedPod) -> None:
        """Take a pod away with its own volume."""

    def drop_volume(self, volume_id: str) -> None:
        """Take a network volume away."""

    def log(self, pod_id: str) -> list[tuple[str, str]]:
        """Return what the container printed: time and line."""


class Containers:
    """Pods as containers of this sandbox; `dgops sandbox down` finds each by its name."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        # The server's, which needs the cloud, which needs this.
        self.door: Door | None = None

    def start(self, pod: RentedPod, slow: float) -> int:
        """Start a pod from nothing but its volume and return its port."""
        layout = self._layout
        script = layout.folder / "pod-start.sh"
        with machine.at_work(layout) as engine:
            source = resources.files("dgops.sandbox.containers") / script.name
            write_atomic(script, source.read_bytes(), 0o755)
            bridge.ensure(engine, layout.network, layout.label)
            image = hosts.ensure_image(layout, engine, rootfs.recipe_for(_DISTRO), machine.silent)
            engine.discard(self._container(pod.id))
            gateway, subnet = bridge.gateway(engine, layout.network)
            for _ in range(_TRIES):
                port = free_port(avoid=pod.port)
                with self._secrets(pod) as file:
                    arguments = self._arguments(pod, port, engine, gateway)
                    done = engine.attempt(*arguments, "--env-file", str(file), image, *_program(slow))
                if done.returncode == 0:
                    if self.door:
                        self.door.open(gateway, subnet)
                    return port
                engine.discard(self._container(pod.id))
                if "address already in use" not in done.stderr:
                    break
        raise DgopsError(f"pod {pod.id} did not start: {complaint(done)}")

    def stop(self, pod_id: str, grace: float) -> None:
        """Tell the first process, kill it after the grace time, and wipe the container disk."""
        with machine.at_work(self._layout) as engine:
            engine.attempt("stop", "--time", str(round(grace)), self._container(pod_id), timeout=60 + grace)
            engine.discard(self._container(pod_id))

    def remove(self, pod: RentedPod) -> None:
        """Take a pod away with its own volume."""
        with machine.at_work(self._layout) as engine:
            engine.discard(self._container(pod.id))
            engine.attempt("volume", "rm", "--force", self._own_volume(pod))

    def drop_volume(self, volume_id: str) -> None:
        """Take a network volume away."""
        with machine.at_work(self._layout) as engine:
            engine.attempt("volume", "rm", "--force", self._layout.volume(_volume(volume_id), "workspace"))

    def log(self, pod_id: str) -> list[tuple[str, str]]:
        """Return what the container printed: time and line."""
        engine = machine.look(self._layout)
        if engine is None:
            return []
        done = engine.attempt("logs", "--timestamps", self._container(pod_id))
        lines = (done.stdout + done.stderr).splitlines() if done.returncode == 0 else []
        return [(moment, line) for moment, _, line in (one.partition(" ") for one in lines)]

    def _own_volume(self, pod: RentedPod) -> str:
        return self._layout.volume(_name(pod.disk or pod.id), "workspace")

    def _container(self, pod_id: str) -> str:
        return self._layout.container(_name(pod_id))

    @contextmanager
    def _secrets(self, pod: RentedPod) -> Iterator[Path]:
        """Yield a file with what may stand in no argv."""
        file = self._layout.folder / "runpod" / f"{pod.id}.env"
        write_atomic(file, f"RUNPOD_API_KEY={pod.key}\n", 0o600)
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)

    def _arguments(self, pod: RentedPod, port: int, engine: Engine, gateway: str) -> Iterable[str]:
        yield from ("run", "--detach", "--pull=never", "--name", self._container(pod.id), "--shm-size", "1g")
        yield from ("--label", self._layout.label, "--network", self._layout.network, *engine.limits)
        yield from ("--publish", f"{pod.ip}:{port}:22")
        yield from ("--volume", f"{self._layout.folder / 'pod-start.sh'}:/start.sh:ro")
        mounts = pod.body.get("mounts", {})
        if pod.volume_id:
            volume = self._layout.volume(_volume(pod.volume_id), "workspace")
            yield from ("--volume", f"{volume}:{mounts['network'][0]['path']}")
        elif pod.disk_gb:
            volume = self._own_volume(pod)
            yield from ("--volume", f"{volume}:{mounts['persistent']['path']}")
        for name, value in (*_environment(pod, port).items(), *pod.body.get("env", {}).items()):
            yield from ("--env", f"{name}={self.door.inward(value, gateway) if self.door else value}")


def _program(slow: float) -> tuple[str, ...]:
    return ("/bin/sh", "-c", f"sleep {slow}; exec /start.sh") if slow else ("/start.sh",)


def _environment(pod: RentedPod, port: int) -> dict[str, str]:
    found = {
        "RUNPOD_CPU_COUNT": "2",
        "RUNPOD_DC_ID": pod.data_center,
        "RUNPOD_GPU_COUNT": str(pod.gpus),
        "RUNPOD_POD_HOSTNAME": f"{pod.id}-64411eb2",
        "RUNPOD_POD_ID": pod.id,
        "RUNPOD_PUBLIC_IP": pod.ip,
        "RUNPOD_TCP_PORT_22": str(port),
    }
    return {**found, "RUNPOD_VOLUME_ID": pod.volume_id} if pod.volume_id else found


def _name(pod_id: str) -> str:
    return f"rented-{pod_id}"


def _volume(volume_id: str) -> str:
    return f"volume-{volume_id}"
