"""Nothing is thrown away unseen: what stands between a command that destroys and edits that are on a host alone."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, LossError
from dgops.hosts import inventory
from dgops.pods.names import short
from dgops.sandbox import records
from dgops.sandbox.layout import layout_of
from dgops.sandbox.runpod import service
from dgops.sync import maps
from dgops.sync.guard import Loss, losses
from dgops.transport.connect import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.sync.maps import Map, Shared
    from dgops.sync.state import State
    from dgops.transport.protocol import Transport

MOST_NAMED = 8


@dataclass(frozen=True)
class Consent:
    """Whether a person said that edits may go: by --discard and the host's name typed back, or by --yes-discard.

    `ask` shows a text and returns what was typed.
    """

    ask: Callable[[str], str]
    discard: bool = False
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Guard:
    """Looks before something goes, and refuses with LossError what nobody agreed to lose."""

    settings: Settings
    consent: Consent
    say: Callable[[str], None]

    def before_write(self, host: Host, transport: Transport, written: Sequence[str] | None) -> None:
        """Refuse to write over edits in mapped folders; `written` are paths on the host, None where nobody knows.

        Then every folder counts that was ever synced.
        """

        def concerns(one: Map, state: State) -> bool:
            if written is None:
                return one.name in state.ids
            return any(_meets(path, one.host_path) for path in written)

        self._require(host, self._found(host, transport, concerns), "deploying there writes over")

    def before_destroy(self, host: Host) -> None:
        """Refuse to end a host whose mapped folders hold what is nowhere else; one that cannot be asked is refused."""
        shared = self._shared(host)
        if not shared:
            return
        try:
            with contextlib.closing(connect(host, self.settings)) as transport:
                found = self._found(host, transport, lambda _map, _state: True)
        except DgopsError as error:
            found = [Loss(one, why=error.message) for each in shared for one in each.maps]
        self._require(host, found, "ending it throws away")

    def _shared(self, host: Host) -> list[Shared]:
        # What is wrong with the map of another host is no reason to leave this one alone.
        if all(table.values.get("host") != host.name for table in self.settings.maps):
            return []
        return [one for one in maps.load(self.settings) if one.host == host.name]

    def _found(self, host: Host, transport: Transport, concerns: Callable[[Map, State], bool]) -> list[Loss]:
        return [
            loss for one in self._shared(host) for loss in losses(one, transport, self.settings, concerns, self.say)
        ]

    def _require(self, host: Host, found: Sequence[Loss], doing: str) -> None:
        if not found:
            return
        words = f"{host.name}: {doing} what is nowhere else:\n" + "\n".join(_listed(found))
        if host.name in self.consent.hosts:
            self.say(words)
            return
        if self.consent.discard:
            self.say(words)
            if self.consent.ask(f"type {host.name} to throw it away: ").strip() == host.name:
                return
            raise LossError(f"{host.name}: nothing was thrown away: its name was not typed", _hint(host))
        raise LossError(words, _hint(host))


def before_down(settings: Settings, guard: Guard) -> None:
    """Ask the guard for every host of this project's sandbox that a map names."""
    if not settings.maps:
        return
    names = {record.spec.name for record in records.load_all(layout_of(settings))}
    names |= {short(name) for name in service.rented(settings)}
    for host in inventory.load(settings).hosts.values():
        if host.name in names:
            guard.before_destroy(host)


def _meets(path: str, folder: str) -> bool:
    """Return whether a path lies in a folder, or is a folder that holds it."""
    return f"{path}/".startswith(f"{folder}/") or f"{folder}/".startswith(f"{path}/")


def _hint(host: Host) -> str:
    name = host.name
    return (
        f"dgops sync --host {name} brings it home;  --discard asks, and throws it away (--yes-discard {name}: at once)"
    )


def _listed(found: Sequence[Loss]) -> list[str]:
    lines = []
    for loss in found:
        if loss.why:
            lines.append(f"  {loss.map.name}: nobody could tell: {loss.why}")
        lines += [f"  {change.kind} {change.path}" for change in loss.changes[:MOST_NAMED]]
        if len(loss.changes) > MOST_NAMED:
            lines.append(f"  and {len(loss.changes) - MOST_NAMED} more in {loss.map.host_path}")
    return lines
