"""The guard before roles run: whether they may write where they do, on a host that people edit files on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.deploy.look import Looked
    from dgops.hosts.host import Host
    from dgops.transport.protocol import Transport

# Types of checks whose `path` is something that a role writes; that a folder is there harms nothing in it.
WRITES = {"clone", "file", "key_pair", "link", "program", "venv", "wheel", "wheels"}


class Guard(Protocol):
    """Who knows what must not be written over; None for `written` means that nobody knows what will be."""

    def __call__(self, host: Host, transport: Transport, written: Sequence[str] | None) -> None:
        """Return where all is well; raises LossError where something would be lost."""
        ...


def refuse_losses(todo: Sequence[Looked], guard: Guard) -> list[Looked]:
    """Return the hosts with an error on each where the guard, which may ask somebody, does not let the roles run."""
    return [_guarded(one, guard) for one in todo]


def _guarded(looked: Looked, guard: Guard) -> Looked:
    if looked.error or looked.transport is None:
        return looked
    try:
        guard(looked.host, looked.transport, written(looked))
    except DgopsError as error:
        return replace(looked, error=error)
    return looked


def written(looked: Looked) -> tuple[str, ...] | None:
    """Return the paths that the roles of a plan write, as the kept contract has them; None where one is not known."""
    if looked.kept is None or not set(looked.plan.runs) <= set(looked.kept.roles):
        return None
    mine = (check for check in looked.kept.checks if check.role in looked.plan.runs and check.type in WRITES)
    return tuple(dict.fromkeys(str(check.wanted["path"]) for check in mine))
