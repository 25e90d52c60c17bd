"""Getting into a pod: its host keys proven by what it printed at its start, and a key of ours that it takes."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import AccessError, HostKeyError, RemoteError, UnreachableError
from dgops.files import write_json
from dgops.hosts.host import Host
from dgops.pods import limits, names, ready, self_stop, sound
from dgops.pods.account import intents_of
from dgops.transport.known_hosts import KnownHosts, fingerprint, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dgops.pods.models import Pod
    from dgops.pods.provider import Provider
    from dgops.settings import Settings
    from dgops.transport.protocol import Transport

# A busy provider takes its time to show a log.
LOG_SECONDS, LOGIN_SECONDS = 20.0, 30.0


def host_of(pod: Pod, identity: str = "") -> Host:
    """Return a pod as a host; its keys are known by its id, since addresses and ports come back as another's."""
    if pod.ssh is None:
        raise UnreachableError(
            f"{names.short(pod.name)} is {pod.status.lower()} and shows no SSH port", f"dgops pod show {pod.id}"
        )
    return Host(
        names.short(pod.name),
        address=pod.ssh.host,
        port=pod.ssh.port,
        user=pod.ssh.user,
        identity=Path(identity) if identity else None,
        variables={"runpod_id": pod.id},
    )


def pin(provider: Provider, pod: Pod, settings: Settings, seconds: float) -> None:
    """Pin the host keys that a pod shows and its own log vouches for; those of this very start are not asked again.

    Raises HostKeyError where the log names none of them: behind this port answers somebody else.
    """
    host, known = host_of(pod), KnownHosts(settings.state / "known_hosts")
    note = settings.state / "pods" / "pinned.json"
    if is_pinned(pod, settings):
        return
    shown = scan(host.address, host.port or 22, settings.connect_timeout)
    proven = _proven(provider, pod.id, shown, seconds)
    if not proven:
        raise HostKeyError(
            f"{host.name}: the log of pod {pod.id} names none of the host keys that {host.address} port {host.port} "
            "shows",
            "an image that prints no fingerprints: --wait 0, then dgops hosts add with one that you know to be right",
        )
    known.pin(host.alias, proven)
    write_json(note, {**_pinned(note), pod.id: pod.started}, 0o600)


def is_pinned(pod: Pod, settings: Settings) -> bool:
    """Tell whether host keys of this very start of a pod are pinned."""
    note = settings.state / "pods" / "pinned.json"
    known = KnownHosts(settings.state / "known_hosts")
    return _pinned(note).get(pod.id) == pod.started != "" and bool(known.keys(f"runpod-{pod.id}"))


@dataclass(frozen=True)
class Door:
    """The way into the pods of one command: what their logs vouch for is pinned, and the key of one file is shown."""

    provider: Provider
    settings: Settings
    identity: str
    say: Callable[[str], None]
    patience: float = LOG_SECONDS

    def enter(self, pod: Pod) -> None:
        """Run `true` there, and let it keep to its limits; raises UnreachableError with what keeps us out."""
        pin(self.provider, pod, self.settings, self.patience)
        with self._open(pod) as transport:
            if transport.run(["true"], timeout=LOGIN_SECONDS).returncode:
                raise UnreachableError(f"{names.short(pod.name)}: nothing can be run there, not even `true`")
            if limits.of(pod).any():
                self._set_guard(pod, transport)

    def _set_guard(self, pod: Pod, transport: Transport) -> None:
        """Have the pod keep to its limits from now on, whoever comes later or never."""
        from dgops.transport import agent

        try:
            answer = agent.call(transport, "watch", {"op": "start"})
        except (AccessError, RemoteError) as error:
            self.say(f"{names.short(pod.name)}  does not keep to its limits by itself yet: {error.message}")
            return
        intents, name = intents_of(self.settings), names.short(pod.name)
        known = intents.get(name)
        if known and known.pod_id == pod.id:
            intents.note(name, kept=pod.started)
        told = answer.get("stopped")
        if isinstance(told, dict) and told.get("reason"):
            self.say(f"{names.short(pod.name)}  it stopped itself before: {str(told['reason'])[: self_stop.LONGEST]}")

    def judge(self, pod: Pod, gpus: int) -> None:
        """Refuse a machine without the GPUs that were asked for; in fast-test mode only the count is looked at."""
        sound.require_gpus(pod, gpus)
        if self.settings.mode == "fast-test":
            self.say(f"{names.short(pod.name)}  fast-test mode: its GPU is not tried")
            return
        with self._open(pod) as transport:
            sound.require_sound(pod, transport, self.say)

    @contextmanager
    def _open(self, pod: Pod) -> Iterator[Transport]:
        # Paramiko takes its time to load: who only lists pods does without it.
        from dgops.transport.connect import connect

        transport = connect(host_of(pod, self.identity), self.settings)
        try:
            yield transport
        finally:
            transport.close()


def forget(pod_id: str, settings: Settings) -> None:
    """Drop the keys of a pod that is no more."""
    KnownHosts(settings.state / "known_hosts").forget(f"runpod-{pod_id}")
    note = settings.state / "pods" / "pinned.json"
    kept = _pinned(note)
    if kept.pop(pod_id, None) is not None:
        write_json(note, kept, 0o600)


def _proven(provider: Provider, pod_id: str, shown: list[str], seconds: float) -> list[str]:
    """Return those of the keys that the log names; it may begin with the prints of an earlier start."""
    printed: set[str] = set()
    wanted, ends = {fingerprint(key) for key in shown}, time.monotonic() + seconds
    for line in provider.log(pod_id, seconds):
        mark = ready.printed(line)
        if mark:
            printed.add(mark[1])
        if wanted <= printed or (mark is None and wanted & printed) or time.monotonic() > ends:
            break
    return [key for key in shown if fingerprint(key) in printed]


def _pinned(note: Path) -> dict[str, str]:
    try:
        found = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
