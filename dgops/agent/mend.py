"""What mends a venv: what is to be done about the findings of a comparison, and taking away what stands in the way."""

from __future__ import annotations

import glob
import os
import shutil
from typing import TYPE_CHECKING, Dict, Iterable, List, NamedTuple, Set

from dgops.agent import manifest
from dgops.agent.attest import ancestors

if TYPE_CHECKING:
    from dgops.agent.attest import Attested, Finding
    from dgops.agent.manifest import Row


class Plan(NamedTuple):
    """What is to be done to a venv: distributions by name, paths in the venv, folders whose mode is set back."""

    install: List[str]
    remove: List[str]
    strays: List[str]
    modes: List[str]
    # What belongs to the venv itself: links, pyvenv.cfg, activation.
    own: List[str]
    manifest: bool

    def __bool__(self) -> bool:
        return any(self)


def plan_of(findings: Iterable[Finding], wanted: Set[str]) -> Plan:
    """Return what mends these findings."""
    install: Set[str] = set()
    remove: Set[str] = set()
    strays, modes, own, unknown = [], [], [], False
    for one in findings:
        if one.kind in ("missing", "other", "broken", "changed") and one.holders:
            install.update(wanted.intersection(one.holders))
        elif one.kind == "changed":
            own.append(one.path)
        elif one.kind == "extra":
            remove.update(one.holders)
        elif one.kind == "added":
            strays.append(one.path)
        elif one.kind == "mode":
            modes.append(one.path)
        elif one.kind == "manifest":
            unknown = True
    return Plan(sorted(install), sorted(remove), strays, modes, own, unknown)


def take_away(venv: str, found: Attested, plan: Plan) -> None:
    """Remove distributions and strays: by what is known of them, inside of the venv, and nothing that another holds.

    uv would remove whatever a RECORD names, and somebody may have edited that.
    """
    names = {*plan.install, *plan.remove}
    discard_all(venv, plan.strays)
    rows = _claimed(venv, found, names)
    gone = [path for path, row in rows.items() if row.holders and _names(row) <= names]
    kept = ancestors([*(set(rows) - set(gone)), manifest.site_packages() + "/x", "bin/x"])
    emptied = set()
    for path in gone:
        whole = os.path.join(venv, path)
        # A RECORD may name a folder that others lie in.
        if path not in kept and manifest.is_folder(venv, os.path.dirname(path)):
            _discard(whole)
            emptied.add(os.path.dirname(whole))
            _discard_bytecode(whole)
    for name in names:
        for holder in found.found.get(name, []):
            _discard(os.path.join(venv, manifest.site_packages(), holder))
    for folder in sorted(emptied, key=len, reverse=True):
        _prune(folder, os.path.join(venv, manifest.site_packages()))


def _claimed(venv: str, found: Attested, names: Set[str]) -> Dict[str, Row]:
    """Return the rows that were compared, and what the RECORDs of these distributions claim beside the venv's own."""
    told: Dict[str, Row] = {}
    for holder in (holder for name in sorted(names) for holder in found.found.get(name, [])):
        told = manifest.merged(told, manifest.claims(venv, holder))
    own = {path: row for path, row in found.proven.items() if not row.holders}
    return {**manifest.merged(told, found.proven), **own}


def _names(row: Row) -> Set[str]:
    return {manifest.split(holder)[0] for holder in row.holders}


def _discard_bytecode(path: str) -> None:
    """Remove a module's bytecode: it is believed by time and size alone, and may be that of the file as edited."""
    folder, name = os.path.split(path)
    if name.endswith(".py"):
        for cached in glob.glob(os.path.join(glob.escape(folder), "__pycache__", glob.escape(name[:-3]) + ".*")):
            _discard(cached)


def set_modes(venv: str, found: Attested, plan: Plan) -> None:
    """Give folders the modes that they had."""
    for folder in sorted(plan.modes):
        os.chmod(os.path.join(venv, folder), found.folders[folder])


def concerns(row: Row, names: Set[str]) -> bool:
    """Say whether one of these distributions claims a file."""
    return not _names(row).isdisjoint(names)


def _prune(folder: str, top: str) -> None:
    """Remove a folder below top that holds nothing but bytecode, and its parents likewise."""
    while folder.startswith(top + "/") and os.path.isdir(folder):
        if set(os.listdir(folder)) - {"__pycache__"}:
            return
        shutil.rmtree(folder)
        folder = os.path.dirname(folder)


def discard_all(venv: str, paths: Iterable[str]) -> None:
    """Remove what lies at paths in a venv, and nothing that a link leads to."""
    for path in paths:
        if manifest.is_folder(venv, os.path.dirname(path)):
            _discard(os.path.join(venv, path))


def _discard(path: str) -> None:
    """Remove whatever lies at a path."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
