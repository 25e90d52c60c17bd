"""What home remembers of a host's replica: which one it was, and what was agreed on."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dgops.files import write_json
from dgops.sync.maps import in_ref

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.settings import Settings
    from dgops.sync.maps import Map, Shared

ID = re.compile(r"[0-9a-f]{32}")
MOST_PARTED = MOST_SENT = 20


@dataclass(frozen=True)
class Marker:
    """What lies beside a mapped folder: the replica's id, and the base at the time it was written."""

    id: str
    base: str
    modes: bool = True


@dataclass(frozen=True)
class State:
    """Of one host and one repository.

    `ids`: map → [id, host path, local path]. `marked` is the base in the markers there, `marking` are those that may
    be there as well, `kept` the one that the host spools edits since. `parted`: host sides that lie on a branch until
    somebody merges it. `sent`: commits that were on their way to the host since both sides last agreed. `cleaned`:
    path → [raw id, what converts it, the id that git gives it].
    """

    branch: str = ""
    ids: dict[str, list[str]] = field(default_factory=dict)
    marked: str = ""
    marking: list[str] = field(default_factory=list)
    kept: str = ""
    parted: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    cleaned: dict[str, list[str]] = field(default_factory=dict)

    def fresh_because(self, one: Map, marker: Marker | None) -> str | None:
        """Return why a mapped folder is no replica that home knows, None where it is the one."""
        known = self.ids.get(one.name)
        if not known or known[1:] != [one.host_path, one.local_path]:
            return "never synced before"
        if marker is None:
            return "its marker is gone: the host was restarted or replaced"
        if marker.id != known[0]:
            return "its marker is another replica's"
        if marker.base not in (self.marked, *self.marking):
            return "its marker is of another time: an older disk or image came back"
        return None

    def named(self, one: Map) -> State:
        """Return the state with an id for a map's folder; a known one keeps its id."""
        known = self.ids.get(one.name)
        if known and known[1:] == [one.host_path, one.local_path]:
            return self
        return replace(self, ids={**self.ids, one.name: [uuid.uuid4().hex, one.host_path, one.local_path]})

    def with_parted(self, commit: str) -> State:
        """Return the state with one more host side that lies on a branch."""
        rest = [one for one in self.parted if one != commit]
        return replace(self, parted=[*rest, commit][-MOST_PARTED:])

    def with_sent(self, commit: str) -> State:
        """Return the state with one more commit that is on its way to the host."""
        rest = [one for one in self.sent if one != commit]
        return replace(self, sent=[*rest, commit][-MOST_SENT:])


def path_of(shared: Shared, settings: Settings) -> Path:
    """Return where the state lies."""
    return settings.state / "sync" / in_ref(shared.host) / f"{shared.name}.json"


def read(path: Path) -> State:
    """Read the state; a missing or damaged one knows nothing, so that every replica is fresh."""
    try:
        raw: dict[str, Any] = json.loads(path.read_text())
        state = State(**raw)
        sound = all(len(one) == 3 for one in [*state.ids.values(), *state.cleaned.values()])
        sound = sound and all(isinstance(one, list) for one in (state.parted, state.sent, state.marking))
    except (OSError, ValueError, TypeError, AttributeError):
        return State()
    return state if sound else State()


def write(path: Path, state: State) -> None:
    """Write the state, atomically."""
    write_json(path, asdict(state), 0o600)
