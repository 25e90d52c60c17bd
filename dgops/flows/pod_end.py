"""Before a pod is stopped or terminated: mapped edits and outputs of jobs are home, or a person agreed that they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.errors import LossError
from dgops.hosts import inventory
from dgops.jobs import memory

if TYPE_CHECKING:
    from dgops.flows.guard import Guard
    from dgops.settings import Settings

MOST_NAMED = 8


def before_end(settings: Settings, name: str, guard: Guard) -> None:
    """Refuse to end a pod that holds what is nowhere else; `name` is its name in the inventory too.

    A mapped pod that is in no inventory cannot be looked at, and is refused as well.
    """
    _require_outputs(settings, name, guard)
    if all(table.values.get("host") != name for table in settings.maps):
        return
    host = inventory.load(settings).hosts.get(name)
    if host:
        guard.before_destroy(host)
    elif name not in guard.consent.hosts:
        raise LossError(
            f"{name}: folders of it are mapped, and it is in no inventory: nobody could tell what only it holds",
            f"dgops hosts add {name} 'ssh …', then sync it; or --yes-discard {name}",
        )


def _require_outputs(settings: Settings, name: str, guard: Guard) -> None:
    jobs = memory.not_home(settings.state, name)
    if not jobs:
        return
    listed = [f"  job {one.id}: {', '.join(out.path for out in one.outputs[:3])}" for one in jobs[:MOST_NAMED]]
    words = f"{name}: outputs of {len(jobs)} job{'' if len(jobs) == 1 else 's'} are not home:\n" + "\n".join(listed)
    if name in guard.consent.hosts:
        guard.say(words)
        return
    if guard.consent.discard:
        guard.say(words)
        if guard.consent.ask(f"type {name} to leave them: ").strip() == name:
            return
    raise LossError(words, f"dgops jobs pull {jobs[0].id};  or --yes-discard {name}")
