"""What is rented, as it was last told: asked anew after a few seconds, and remembered for when nobody answers."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, UnreachableError, UsageError
from dgops.files import write_json
from dgops.pods import access, inventory_age
from dgops.pods.account import connected
from dgops.pods.models import RUNNING, Endpoint, Pod

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dgops.pods.provider import Provider
    from dgops.settings import Settings

# Whoever lists hosts does not wait longer than this for an answer, and not longer than that for one pod's log.
PATIENCE, LOG_SECONDS = 15.0, 4.0
COMING = ("PROVISIONING", "STARTING")


@dataclass(frozen=True)
class View:
    """The pods, when that was told (in seconds since 1970), and why it is no newer: empty where it is new enough.

    `untrusted` says of pods, by id, why their host keys could not be pinned.
    """

    pods: tuple[Pod, ...] = ()
    asked: float = 0.0
    trouble: str = ""
    untrusted: Mapping[str, str] = field(default_factory=dict)


def look(settings: Settings) -> View:
    """Return what is rented, the host keys of every pod that runs pinned by what its log tells of them."""
    kept = _read(settings)
    if inventory_age.until(settings):
        return kept
    try:
        pods, untrusted = _asked(settings, kept)
    except UsageError as error:
        # There is no key: one that is set now counts at once.
        return replace(kept, trouble=error.message)
    except DgopsError as error:
        # Nor does every command wait for somebody who does not answer.
        found, life = replace(kept, trouble=error.message), inventory_age.LIFE
    else:
        found = View(pods, time.time(), "", untrusted)
        soon = untrusted or any(one.status in COMING for one in pods)
        life = inventory_age.SOON if soon else inventory_age.LIFE
    with contextlib.suppress(OSError):
        write_json(_place(settings), asdict(found), 0o600)
    inventory_age.keep(settings, life)
    return found


def remember(settings: Settings, pods: Sequence[Pod]) -> None:
    """Keep what was just told, for when nobody answers; hosts are listed by their own look."""
    kept = _read(settings)
    with contextlib.suppress(OSError):
        write_json(_place(settings), asdict(replace(kept, pods=tuple(pods), asked=time.time(), trouble="")), 0o600)


def remembered(settings: Settings) -> View:
    """Return what was told last."""
    return _read(settings)


def _asked(settings: Settings, kept: View) -> tuple[tuple[Pod, ...], dict[str, str]]:
    """Ask in a thread: RunPod's patience is longer than a listing of hosts has."""
    found: list[tuple[tuple[Pod, ...], dict[str, str]]] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with connected(settings) as provider:
                pods = tuple(provider.pods())
                for gone in {one.id for one in kept.pods} - {one.id for one in pods}:
                    access.forget(gone, settings)
                found.append((pods, _bind(settings, provider, pods)))
        except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that waits
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if failed:
        raise failed[0]
    if not found:
        raise UnreachableError(f"RunPod did not answer within {PATIENCE:.0f} s")
    return found[0]


def _bind(settings: Settings, provider: Provider, pods: tuple[Pod, ...]) -> dict[str, str]:
    untrusted = {}
    for pod in pods:
        if pod.status == RUNNING and pod.ssh:
            try:
                access.pin(provider, pod, settings, LOG_SECONDS)
            except DgopsError as error:
                untrusted[pod.id] = error.message
    return untrusted


def _read(settings: Settings) -> View:
    """Return the kept view; one that is damaged is as good as none."""
    try:
        raw: dict[str, Any] = json.loads(_place(settings).read_text())
        pods = tuple(_pod(one) for one in raw["pods"])
        return View(pods, float(raw["asked"]), str(raw["trouble"]), dict(raw["untrusted"]))
    except (OSError, ValueError, KeyError, TypeError):
        return View()


def _pod(raw: dict[str, Any]) -> Pod:
    ssh = Endpoint(**raw["ssh"]) if raw["ssh"] else None
    return Pod(**{**raw, "ssh": ssh, "actions": tuple(raw["actions"])})


def _place(settings: Settings) -> Path:
    return inventory_age.folder(settings) / "view.json"
