"""Before a pod is stopped or terminated: what can come home does, and what cannot a person agreed to lose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.errors import DgopsError, LossError
from dgops.hosts import inventory
from dgops.jobs import memory
from dgops.jobs.early import pull_whole
from dgops.jobs.link import Link
from dgops.jobs.place import Place, show
from dgops.jobs.progress import Silent
from dgops.jobs.pull import pull
from dgops.jobs.ready import base_on, work_user
from dgops.pods import names
from dgops.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.flows.guard import Guard
    from dgops.hosts.host import Host
    from dgops.jobs.job import Job
    from dgops.jobs.memory import Remembered
    from dgops.pods.models import Pod
    from dgops.settings import Settings

MOST_NAMED = 8


def before_end(settings: Settings, pod: Pod, guard: Guard) -> None:
    """Bring home the outputs that are whole; refuse to end a pod that holds what is nowhere else.

    The pod may stand in the inventory under any name: whoever has its id, or its address, is the pod. A mapped pod
    that is in no inventory cannot be looked at, and is refused as well.
    """
    name = names.short(pod.name)
    mapped = {table.values.get("host") for table in settings.maps}
    if not mapped and not memory.hosts_not_home(settings.state):
        return
    hosts = _standing_for(settings, pod)
    for host in hosts:
        _bring_outputs(settings, host, pod, guard)
        # What a stopped pod had on its disk is gone already; what it spooled lies on its volume.
        if host.name in mapped and not (host.away and pod.volume_id):
            guard.before_destroy(host)
    if any(host.name == name for host in hosts):
        return
    _require_outputs(settings, name, guard, [])
    if name in mapped and name not in guard.consent.hosts:
        raise LossError(
            f"{name}: folders of it are mapped, and it is in no inventory: nobody could tell what only it holds",
            f"dgops hosts add {name} 'ssh …', then sync it; or --yes-discard {name}",
        )


def after_terminate(settings: Settings, pod: Pod) -> None:
    """Forget the jobs of a pod that is gone with all that it had; on a network volume they are still there."""
    if not pod.volume_id:
        memory.forget_host(settings.state, names.short(pod.name))


def deleted(pod: Pod) -> str:
    """Return what a terminate deletes, and what stays."""
    if pod.volume_id:
        return f"deletes the container disk; network volume {pod.volume_id} stays, and costs on"
    return f"deletes the container disk and the pod's own volume, {pod.root}" if pod.root else "deletes its only disk"


def _standing_for(settings: Settings, pod: Pod) -> list[Host]:
    """Return the hosts that are this pod: by its id, by where its SSH answers, or by its name where that says no."""
    found = []
    for host in inventory.load(settings).hosts.values():
        known = host.variables.get("runpod_id")
        at = pod.ssh is not None and (host.address, host.port or 22) == (pod.ssh.host, pod.ssh.port)
        if known == pod.id or (not known and (at or host.name == names.short(pod.name))):
            found.append(host)
    return found


def _bring_outputs(settings: Settings, host: Host, pod: Pod, guard: Guard) -> None:
    """Pull what jobs have written whole; refuse where something of them would go that is not home."""
    left, why = [], []
    for known in memory.not_home(settings.state, host.name):
        try:
            job = _pulled(settings, host, known, guard)
        except DgopsError as error:
            left.append(known)
            why.append(f"job {known.id}: {error.message}")
            continue
        if not job.over:
            left.append(known)
            why.append(f"job {known.id} is {job.status}: {job.label}")
    if left and host.away and pod.volume_id:
        # The work folders of jobs are on the volume, which nobody touches.
        ids = ", ".join(one.id for one in left)
        guard.say(f"{host.name}: outputs of {ids} are not home; they stay on network volume {pod.volume_id}")
        return
    _require_outputs(settings, host.name, guard, why)


def _pulled(settings: Settings, host: Host, known: Remembered, guard: Guard) -> Job:
    """Bring one job's outputs home as far as they are whole; returns how it stands."""
    place = Place(host, base_on(host, settings), known.id, known.outputs)
    with Link(host, settings) as link:
        job, _ = show(link, place)
        if job.over:
            pulled = pull(link, place.base, work_user(host), job.id, known.outputs, Silent(guard.say))
            memory.mark_home(settings.state, job.id)
        else:
            pulled = pull_whole(link, place.base, work_user(host), job.id, known.outputs)
    if pulled.moved.sent:
        count = pulled.moved.sent
        guard.say(f"{host.name}: {counted(count, 'file')} of job {job.id} came home, verified")
    return job


def _require_outputs(settings: Settings, name: str, guard: Guard, why: Sequence[str]) -> None:
    jobs = memory.not_home(settings.state, name)
    if not jobs:
        return
    listed = [f"  {line}" for line in why[:MOST_NAMED]]
    listed = listed or [
        f"  job {one.id}: {', '.join(out.path for out in one.outputs[:3])}" for one in jobs[:MOST_NAMED]
    ]
    words = f"{name}: outputs of {counted(len(jobs), 'job')} are not home:\n" + "\n".join(listed)
    if name in guard.consent.hosts:
        guard.say(words)
        return
    if guard.consent.discard:
        guard.say(words)
        if guard.consent.ask(f"type {name} to leave them: ").strip() == name:
            return
    raise LossError(words, f"dgops jobs pull {jobs[0].id};  or --yes-discard {name}")
