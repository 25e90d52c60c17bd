"""What a host offers for an output: held to what was declared, and refused whole where one name leads elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import RemoteError
from dgops.health.judge import one_line
from dgops.jobs import names
from dgops.jobs.ask import place_of
from dgops.jobs.landing import Landing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.jobs.ask import Ask
    from dgops.jobs.job import Output
    from dgops.jobs.progress import Watcher

MOST_SHOWN = 10
LARGEST = 1 << 50
HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Offer:
    """A file that a host offers: the folder and name to ask for it by, its size and sha256, and its place here."""

    root: str
    name: str
    size: int
    sha256: str
    executable: bool
    landing: Landing


def offered(ask: Ask, output: Output, watcher: Watcher, only: Sequence[str] | None = None) -> tuple[list[Offer], bool]:
    """Return the files of one output, or those of it that are named, and whether it is not there at all."""
    root, name = place_of(ask.base, ask.job, output.path)
    offers: list[Offer] = []
    missing: list[Any] = []
    for answer in ask.digested(output, only):
        for odd in _rows(answer, "odd")[:MOST_SHOWN]:
            if isinstance(odd, dict):
                words = f"{one_line(odd.get('path'))} ({one_line(odd.get('reason'))})"
                watcher.told(f"left on {ask.link.host.name}: {words}")
        missing += _rows(answer, "missing")
        rows = answer["files"]
        _require_harmless(ask.link.host.name, name, rows)
        offers += [_offer(root, name, key, row, output) for key, row in rows.items()]
    return offers, not offers and name in missing


def _require_harmless(host: str, name: str, rows: dict[str, Any]) -> None:
    hostile = [f"{key!r:.200} {wrong}" for key, row in rows.items() if (wrong := _wrong(name, key, row))]
    if hostile:
        raise RemoteError(
            f"{host} offers what no output of this job is: {'; '.join(hostile[:MOST_SHOWN])}",
            "nothing was written here; look at the job's work folder on the host",
        )


def _rows(answer: dict[str, Any], key: str) -> list[Any]:
    found = answer.get(key)
    return found if isinstance(found, list) else []


def _wrong(name: str, key: str, row: Any) -> str:
    wrong = names.hostile(key)
    if wrong:
        return wrong
    if key != name and not key.startswith(f"{name}/"):
        return f"is not below {name}"
    good = isinstance(row, dict) and isinstance(row.get("size"), int) and 0 <= row["size"] <= LARGEST
    digest = row.get("sha256") if good else None
    good = isinstance(digest, str) and len(digest) == 64 and HEX.issuperset(digest)
    return "" if good else "has neither size nor digest"


def _offer(root: str, name: str, key: str, row: dict[str, Any], output: Output) -> Offer:
    inner = key[len(name) + 1 :]
    mode = row.get("mode")
    executable = isinstance(mode, int) and bool(mode & 0o100)
    return Offer(root, key, row["size"], row["sha256"], executable, Landing(output.local, inner))
