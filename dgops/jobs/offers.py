"""What a host offers for an output: held to what was declared, and refused whole where one name leads elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import RemoteError
from dgops.health.judge import one_line
from dgops.jobs import names
from dgops.jobs.job import work_path
from dgops.jobs.landing import Landing

if TYPE_CHECKING:
    from dgops.jobs.job import Output
    from dgops.jobs.link import Link
    from dgops.jobs.progress import Watcher

LONG = 600.0
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


def offered(link: Link, base: str, user: str, job: str, output: Output, watcher: Watcher) -> tuple[list[Offer], bool]:
    """Return the files of one output, and whether it is not there at all."""
    root, name = _place(base, job, output.path)
    request = {"op": "digest", "root": root, "user": user, "paths": [name]}
    answer, _ = link.exchange("files", request, timeout=LONG)
    rows = answer.get("files")
    if not isinstance(rows, dict):
        raise RemoteError(f"{link.host.name} answered the question for {output.path} with something else")
    for odd in _rows(answer, "odd")[:MOST_SHOWN]:
        if isinstance(odd, dict):
            watcher.told(f"left on {link.host.name}: {one_line(odd.get('path'))} ({one_line(odd.get('reason'))})")
    hostile = [f"{key!r:.200} {wrong}" for key, row in rows.items() if (wrong := _wrong(name, key, row))]
    if hostile:
        raise RemoteError(
            f"{link.host.name} offers what no output of this job is: {'; '.join(hostile[:MOST_SHOWN])}",
            "nothing was written here; look at the job's work folder on the host",
        )
    absent = not rows and name in _rows(answer, "missing")
    return [_offer(root, name, key, row, output) for key, row in rows.items()], absent


def _rows(answer: dict[str, Any], key: str) -> list[Any]:
    found = answer.get(key)
    return found if isinstance(found, list) else []


def _place(base: str, job: str, path: str) -> tuple[str, str]:
    """Return the folder on the host and the name below it that an output is asked for by."""
    if not path.startswith("/"):
        return work_path(base, job), path.strip("/")
    folder, _, name = path.rstrip("/").rpartition("/")
    return folder or "/", name


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
