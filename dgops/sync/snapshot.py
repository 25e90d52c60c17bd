"""One look at a host's mapped folders: the agent's answer, believed only where it has the right shape."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from dgops.errors import DgopsError, RemoteError
from dgops.git.entry import FILE, LINK, PROGRAM
from dgops.sync import state as states
from dgops.sync.names import folders_of, shortened
from dgops.transport import agent

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dgops.sync.maps import Map
    from dgops.sync.state import Marker
    from dgops.transport.protocol import Transport

SECONDS = 240.0
MAX_ENTRIES = 40_000
# More than the agent's scan goes down; a longer one would take for ever to look at.
MAX_PATH, MAX_PARTS = 16_000, 100
# The size that no commit may hold either.
MAX_BYTES = 50 << 20
OBJECT = re.compile(r"[0-9a-f]{40}")
POD = re.compile(r"[A-Za-z0-9._-]{1,64}")
KINDS = {
    "large": "larger than 50 MB",
    "special": "neither file, folder nor link",
    "unreadable": "cannot be read",
    "name": "a name that is not UTF-8",
    "busy": "it is being written",
    "deep": "too many folders deep",
}


class Seen(NamedTuple):
    """One file or link as it lies on the host; id is that of its bytes there."""

    mode: str
    id: str
    size: int
    target: str = ""


@dataclass(frozen=True)
class Folder:
    """A mapped folder; paths are below it. `odd` could not be taken: path → (kind, words)."""

    root: str
    reason: str = ""
    marker: Marker | None = None
    files: dict[str, Seen] = field(default_factory=dict)
    odd: dict[str, tuple[str, str]] = field(default_factory=dict)
    pruned: tuple[str, ...] = ()
    wide: bool = False

    @property
    def holds_modes(self) -> bool:
        """Whether executable bits mean something there; the marker knows, and without one a guess has to do."""
        return self.marker.modes if self.marker else not self.wide


@dataclass(frozen=True)
class Snapshot:
    """The mapped folders of one host at one time, by map; `pod` is what the host calls itself."""

    pod: str
    folders: dict[str, Folder]


def take(transport: Transport, host: str, maps: Sequence[Map], prune: Collection[str]) -> Snapshot:
    """Look at the mapped folders in one round trip; folders named in prune are named, not looked into.

    Raises DgopsError where there is too much to look at, RemoteError where the answer makes no sense.
    """
    request = {
        "maps": [{"name": one.name, "path": one.host_path} for one in maps],
        "seconds": SECONDS,
        "max_bytes": MAX_BYTES,
        "max_entries": MAX_ENTRIES,
        "prune": sorted(prune),
    }
    answer = agent.call(transport, "scan", request, timeout=SECONDS + 30)
    if "refused" in answer:
        raise DgopsError(f"{host}: {shortened(str(answer['refused']), 300)}", "sync narrower folders: [[sync.map]]")
    try:
        pod = answer["pod"] if POD.fullmatch(answer["pod"]) else "unknown"
        return Snapshot(pod, {one.name: _folder(answer["maps"][one.name]) for one in maps})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise RemoteError(f"{host}: the agent's scan answered with something else than a scan") from None
    except Nonsense as error:
        raise RemoteError(f"{host}: the agent's scan makes no sense: {shortened(str(error), 200)}") from None


class Nonsense(Exception):  # noqa: N818 - an answer, not an accident
    """A scan that no agent gives; the message says what is wrong with it."""


def _folder(raw: dict[str, Any]) -> Folder:
    root = raw["root"]
    if root not in ("tree", "absent", "refused"):
        raise ValueError(root)
    marker = _marker(raw["marker"])
    if root != "tree":
        return Folder(root, shortened(str(raw.get("reason", "")), 300), marker)
    if len(raw["entries"]) + len(raw["odd"]) + len(raw["pruned"]) > MAX_ENTRIES:
        raise Nonsense(f"more than {MAX_ENTRIES:,} entries")
    odd = {str(path): (KINDS.get(kind, "odd"), shortened(str(detail))) for path, kind, detail in raw["odd"]}
    files = {str(path): _seen(*rest) for path, *rest in raw["entries"]}
    pruned = tuple(str(path) for path in raw["pruned"])
    for path in (*files, *odd, *pruned):
        if len(path) > MAX_PATH or path.count("/") > MAX_PARTS:
            raise Nonsense(f"a path of {len(path):,} letters: {shortened(path)}")
    # A path that is a file for one entry and a folder for another would come out as either.
    both = folders_of(files) & files.keys()
    if both:
        raise Nonsense(f"a file below a file: {min(both)}")
    return Folder(root, "", marker, files, odd, pruned, raw["wide"] is True)


def _seen(mode: Any, object_id: Any, size: Any, target: Any) -> Seen:
    if mode not in (FILE, PROGRAM, LINK) or not OBJECT.fullmatch(object_id) or not isinstance(target, str):
        raise ValueError(mode)
    if not isinstance(size, int) or not 0 <= size <= MAX_BYTES:
        raise Nonsense(f"a file of {size} bytes, where {MAX_BYTES:,} are the most")
    return Seen(mode, object_id, size, target)


def _marker(raw: Any) -> Marker | None:
    if not isinstance(raw, dict) or not states.ID.fullmatch(str(raw.get("id"))):
        return None
    base = str(raw.get("base"))
    return states.Marker(raw["id"], base, raw.get("modes") is not False) if OBJECT.fullmatch(base) else None
