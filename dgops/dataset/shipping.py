"""Puts a published set into a trainer's folder, push only: replaces what was shipped there, touches nothing else.

A record at the destination says what was shipped. It is written before the first file (what will come beside what is
there) and after the last one, so that a run killed in between can be continued, and every file there is either known
by its bytes or somebody else's.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.dataset import lock
from dgops.dataset.manifest import Digests
from dgops.dataset.names import SLUG, shown
from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RECORD = ".dgops-shipped.json"
# One name for the file that is under way, outside of 256/: a trainer never sees it and the next run writes over it.
PART = ".dgops-part"
FOLDER = "256"
LISTED = 5


@dataclass(frozen=True)
class Shipped:
    """What came of shipping to one folder: how many files were written of how many, and whose set they replaced."""

    folder: Path
    files: int
    written: int
    replaced: str = ""


@dataclass(frozen=True)
class Record:
    """What dgops put somewhere: the set's name, and for each path the digests that its file may have."""

    slug: str
    files: dict[str, list[str]]


@dataclass(frozen=True)
class Plan:
    """What shipping to a folder would do: its files, their digests, those that lie there, and the record of them."""

    files: dict[str, Path]
    wanted: dict[str, str]
    present: dict[str, str]
    before: Record


def plan(source: Path, names: tuple[str, ...], folder: Path) -> Plan:
    """Return what it takes to ship source/256 and the named files beside it; changes nothing.

    Raises DgopsError where there is no folder, or a file stands in the way that dgops did not ship or that somebody
    changed since.
    """
    if not folder.is_dir():
        raise DgopsError(
            f"{folder}: no such folder, so nothing was shipped there",
            "install the trainer there, or mend the host's variable",
        )
    files = {f"{FOLDER}/{path.name}": path for path in sorted((source / FOLDER).iterdir())}
    files |= {name: source / name for name in names}
    digests = Digests()
    wanted = {name: digests.of_file(path).sha256 for name, path in files.items()}
    before = load_record(folder)
    present = _present(folder, {*wanted, *before.files})
    _refuse_strangers(folder, present, before, wanted)
    return Plan(files, wanted, present, before)


def ship(slug: str, source: Path, names: tuple[str, ...], folder: Path) -> Shipped:
    """Ship a set to a trainer's folder; raises as `plan` does, before anything there is changed."""
    plan(source, names, folder)
    with lock.hold(folder / ".dgops-shipping.lock", str(folder)):
        planned = plan(source, names, folder)
        wanted, present, before = planned.wanted, planned.present, planned.before
        replaced = before.slug if before.slug != slug else ""
        if present == wanted and before == Record(slug, {name: [digest] for name, digest in wanted.items()}):
            return Shipped(folder, len(wanted), 0)
        _write_record(folder, slug, _united(before, wanted))
        written = _put_all(folder, planned)
        for name in sorted(set(present) - set(wanted)):
            (folder / name).unlink()
        _write_record(folder, slug, {name: [digest] for name, digest in wanted.items()})
    return Shipped(folder, len(wanted), written, replaced)


def load_record(folder: Path) -> Record:
    """Return what dgops shipped to a folder; nothing where there is no record or it is rubbish."""
    try:
        raw = json.loads((folder / RECORD).read_text())
        files, slug = raw["files"], raw["slug"]
        sound = isinstance(slug, str) and SLUG.fullmatch(slug) and isinstance(files, dict)
        if not sound or not all(_is_sound(name, digests) for name, digests in files.items()):
            return Record("", {})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Record("", {})
    return Record(slug, files)


def _is_sound(name: str, digests: Any) -> bool:
    inner = name.removeprefix(f"{FOLDER}/")
    plain = inner and "/" not in inner and "\0" not in inner and inner not in (".", "..", FOLDER)
    return bool(plain) and isinstance(digests, list) and all(isinstance(one, str) for one in digests)


def _present(folder: Path, names: set[str]) -> dict[str, str]:
    """Return the digests of all that lies in 256/ and of what has one of the names; a link or folder has none."""
    inside = folder / FOLDER
    found = {name for name in names if os.path.lexists(folder / name)}
    if inside.is_symlink() or (os.path.lexists(inside) and not inside.is_dir()):
        raise DgopsError(f"{inside} is no folder that dgops made", "move it away, then again")
    if inside.is_dir():
        found |= {f"{FOLDER}/{name}" for name in os.listdir(inside)}
    digests = Digests()
    return {name: _digest(digests, folder / name) for name in sorted(found)}


def _digest(digests: Digests, path: Path) -> str:
    try:
        return digests.of_file(path).sha256 if path.is_file() else ""
    except OSError:
        return ""


def _refuse_strangers(folder: Path, present: Mapping[str, str], before: Record, wanted: Mapping[str, str]) -> None:
    strange = [name for name, digest in present.items() if name not in before.files and digest != wanted.get(name)]
    if strange:
        raise DgopsError(
            f"{folder} holds files that dgops did not ship: {_listed(strange)}",
            "move them away, then again: nothing there was changed",
        )
    edited = [
        name
        for name, digest in present.items()
        if name in before.files and digest not in (*before.files[name], wanted.get(name))
    ]
    if edited:
        raise DgopsError(
            f"somebody changed what was shipped to {folder}: {_listed(edited)}",
            "bring the changes home or move these files away, then again: nothing there was changed",
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(shown(name) for name in names[:LISTED]) + more


def _united(before: Record, wanted: Mapping[str, str]) -> dict[str, list[str]]:
    """Return every digest that a file may have while one set takes the place of another."""
    names = {*before.files, *wanted}
    new = {name: [wanted[name]] if name in wanted else [] for name in names}
    return {name: sorted({*before.files.get(name, ()), *new[name]}) for name in names}


def put(folder: Path, name: str, data: bytes, mode: int = 0o644) -> None:
    """Write a file that is whole or absent, under a trainer's or a person's folder.

    On a Windows drive a mode may not be changed by everybody; the file is none the worse for it.
    """
    part = folder / PART
    try:
        part.unlink(missing_ok=True)
        with part.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(PermissionError):
            part.chmod(mode)
        os.replace(part, folder / name)
    finally:
        part.unlink(missing_ok=True)


def _write_record(folder: Path, slug: str, files: dict[str, list[str]]) -> None:
    text = json.dumps({"slug": slug, "files": files}, indent=2, sort_keys=True)
    put(folder, RECORD, f"{text}\n".encode())


def _put_all(folder: Path, planned: Plan) -> int:
    (folder / FOLDER).mkdir(exist_ok=True)
    written = 0
    for name, path in planned.files.items():
        if planned.present.get(name) != planned.wanted[name]:
            put(folder, name, path.read_bytes(), path.stat().st_mode & 0o777)
            written += 1
    return written
