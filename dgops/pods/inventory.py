"""Rented pods as an Ansible inventory: groups of what they are, and how those that are ready are reached."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops import settings as settings_room
from dgops.errors import DgopsError
from dgops.hosts import inventory as inventories
from dgops.hosts import local_inventory, source
from dgops.pods import access, inventory_age, inventory_view, limits, names
from dgops.pods.account import intents_of
from dgops.pods.models import RUNNING
from dgops.transport.known_hosts import common_args

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.pods.inventory_view import View
    from dgops.pods.models import Pod
    from dgops.settings import Settings

ALL, READY, NOT_READY, CACHED = "runpod", "pods", "runpod_not_ready", "runpod_cached"
# What may stand in known hosts and on a command line.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ADDRESS = re.compile(r"[A-Za-z0-9.:-]{1,255}")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")


def main(argv: Sequence[str], folder: Path) -> int:
    """Answer as an inventory script of the folder does: --list, or --host NAME."""
    try:
        settings = settings_room.load()
        settings = settings if settings.project else settings_room.load(folder)
        view = inventory_view.look(settings)
        listing = listed(settings, view)
    except DgopsError as error:
        sys.stderr.write(f"{error.message}; {error.hint}\n")
        return 1
    if view.trouble:
        age = f"the pods are those of {time.time() - view.asked:.0f} s ago" if view.asked else "no pods are listed"
        sys.stderr.write(f"runpod: {view.trouble}; {age}\n")
    _promise(settings)
    if "--host" in argv:
        name = argv[argv.index("--host") + 1] if argv[-1] != "--host" else ""
        listing = listing["_meta"]["hostvars"].get(name, {})
    sys.stdout.write(json.dumps(listing, indent=2, sort_keys=True) + "\n")
    return 0


def listed(settings: Settings, view: View) -> dict[str, Any]:
    """Return the answer to --list."""
    identities = {one.pod_id: one.identity for one in intents_of(settings).all().values()}
    hostvars: dict[str, dict[str, Any]] = {}
    groups: dict[str, list[str]] = {ALL: []}
    for pod, name in _named(settings, view.pods).items():
        away = _away(settings, pod, view)
        hostvars[name] = _facts(pod, view)
        hostvars[name] |= {"runpod_away": away} if away else _connection(settings, pod, identities)
        for group in (ALL, *_groups(pod), NOT_READY if away else READY, *([CACHED] if view.trouble else [])):
            groups.setdefault(group, []).append(name)
    found: dict[str, Any] = {group: {"hosts": hosts} for group, hosts in groups.items()}
    return {"_meta": {"hostvars": hostvars}, **found}


def in_use(settings: Settings) -> bool:
    """Tell whether an inventory in use lists rented pods, or will once one was rented."""
    ours = settings.root / "inventories" / inventories.RENTED
    return (ours / "hosts.py").is_file() and (
        not settings.inventories or any(one.resolve() == ours.resolve() for one in settings.inventories)
    )


def _named(settings: Settings, pods: Sequence[Pod]) -> dict[Pod, str]:
    """Return each pod with its name as a host: its own, or its id where that is taken, or no name for a host."""
    found: dict[Pod, str] = {}
    for pod in sorted(pods, key=lambda one: (not one.name.startswith(names.PREFIX), one.created, one.id)):
        if not _ID.fullmatch(pod.id):
            continue
        name = names.short(pod.name)
        # Whoever was added by hand under that name stays who he is.
        free = name not in found.values() and not local_inventory.entry(settings, name).is_file()
        good = local_inventory.NAME.fullmatch(name) and name not in local_inventory.RESERVED and name != ALL
        found[pod] = name if good and free and not name.startswith(f"{ALL}_") else pod.id
    return found


def _groups(pod: Pod) -> tuple[str, ...]:
    parts = {"gpu": pod.gpu_name if pod.gpu_count else "", "dc": pod.data_center, "cloud": pod.cloud, "": pod.status}
    return tuple(f"{ALL}_{f'{kind}_' if kind else ''}{slug(text)}" for kind, text in parts.items() if slug(text))


def slug(text: str) -> str:
    """Return a text as a part of a group's name: small letters and digits, the rest as _."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _facts(pod: Pod, view: View) -> dict[str, Any]:
    seen = datetime.fromtimestamp(view.asked, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    facts: dict[str, Any] = {
        "runpod_id": pod.id,
        "runpod_name": pod.name,
        "runpod_status": pod.status,
        "runpod_cost": pod.cost,
        "runpod_gpu": pod.gpu,
        "runpod_gpu_count": pod.gpu_count,
        "runpod_cloud": pod.cloud,
        "runpod_data_center": pod.data_center,
        "runpod_image": pod.image,
        "runpod_volume_id": pod.volume_id,
        "runpod_root": pod.root,
        # Without a volume nothing outlives a stop.
        "runpod_ephemeral": not pod.root,
        "runpod_cuda_version": pod.cuda,
        "runpod_limits": limits.described(limits.of(pod)),
        "runpod_started_at": pod.started,
        "runpod_seen": seen,
    }
    root = {"persistent_root": pod.root} if pod.root.startswith("/") else {}
    profile = {"dgops_profile": pod.profile} if slug(pod.profile) == pod.profile != "" else {}
    return facts | root | profile


def _away(settings: Settings, pod: Pod, view: View) -> str:
    """Return why a pod cannot be worked on now, empty where it can."""
    if pod.status != RUNNING:
        return f"its pod {pod.id} is {pod.status}"
    if not pod.ssh or not _ADDRESS.fullmatch(pod.ssh.host) or not _USER.fullmatch(pod.ssh.user):
        return f"its pod {pod.id} runs, and has no SSH port yet"
    if pod.id in view.untrusted:
        return f"its pod {pod.id} is not trusted: {view.untrusted[pod.id]}"
    if not access.is_pinned(pod, settings):
        return f"its pod {pod.id} has started anew, and its host key was not looked at yet"
    return ""


def _connection(settings: Settings, pod: Pod, identities: Mapping[str, str]) -> dict[str, Any]:
    assert pod.ssh is not None
    identity = identities.get(pod.id, "")
    identity = identity if identity and Path(identity).is_file() else ""
    place = settings.state.absolute() / "known_hosts"
    arguments = common_args(f"runpod-{pod.id}", place, identities_only=bool(identity))
    found = {
        "ansible_host": pod.ssh.host,
        "ansible_port": pod.ssh.port,
        "ansible_user": pod.ssh.user,
        "ansible_ssh_common_args": f"{arguments} -o ServerAliveInterval=15",
    }
    return found | ({"ansible_ssh_private_key_file": identity} if identity else {})


def _promise(settings: Settings) -> None:
    """Tell the dgops that asked how long it need not ask again."""
    place = os.environ.get(source.UNTIL)
    if place:
        Path(place).write_text(f"{inventory_age.until(settings)}\n")
