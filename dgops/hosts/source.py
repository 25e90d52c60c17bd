"""One inventory folder: its hosts and groups as ansible-inventory lists them, cached by content."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.errors import ConfigError, UsageError
from dgops.files import digest_bytes, digest_file, write_json
from dgops.hosts import complaints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dgops.settings import Settings

LIST_SECONDS = 60.0
# What a script finds in its environment. Into the file of the first it may write a time, in seconds since 1970: until
# then it is not asked again.
UNTIL, PYTHON = "DGOPS_INVENTORY_UNTIL", "DGOPS_PYTHON"
PROMISE, LONGEST_PROMISE = ".until", 60.0
FORMAT = 1
# What Ansible itself passes over in an inventory folder.
VARIABLE_FOLDERS = ("group_vars", "host_vars", "vars_plugins")
IGNORED = (".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry")


@dataclass(frozen=True)
class Listing:
    """What one inventory says: variables by host, members by group."""

    folder: Path
    hosts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read(folder: Path, settings: Settings) -> Listing:
    """List an inventory; an unchanged one is not asked twice, unless it is a script that did not promise to hold."""
    files = list(inventory_files(folder))
    digest = _digest(folder)
    place = _place(folder, settings)
    promise = place.with_suffix(PROMISE)
    if not any(is_dynamic(file) for file in files) or _holds(promise):
        known = _stored(place)
        if known.get("digest") == digest:
            return _listing(folder, known["answer"])
    promise.parent.mkdir(parents=True, exist_ok=True)
    answer, problems = _ask(folder, files, promise)
    if problems:
        return Listing(folder, problems=problems)
    # Written for a script too: completion may look at what it answered last.
    write_json(place, {"digest": digest, "answer": answer}, 0o600)
    return _listing(folder, answer)


def recall(folder: Path, settings: Settings) -> Listing:
    """Return what the inventory answered last, however long ago."""
    known = _stored(_place(folder, settings))
    return _listing(folder, known["answer"]) if known else Listing(folder)


def break_promises(settings: Settings) -> None:
    """Have every script asked again: what it tells of has just changed."""
    for path in (settings.state / "inventories").glob(f"*{PROMISE}"):
        path.unlink(missing_ok=True)


def _holds(promise: Path) -> bool:
    try:
        # No promise is for long; a clock that was set back makes none longer.
        return 0 < float(promise.read_text()) - time.time() < LONGEST_PROMISE
    except (OSError, ValueError):
        return False


def inventory_files(folder: Path) -> Iterator[Path]:
    """Yield the files that Ansible would read hosts from."""
    if folder.is_file():
        yield folder
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in VARIABLE_FOLDERS or path.name.endswith(IGNORED):
            continue
        yield from inventory_files(path)


def is_dynamic(file: Path) -> bool:
    """Return whether a file is asked anew each time: a script, or the configuration of an inventory plugin."""
    # The executable bit alone says nothing: under /mnt/c every file has it.
    with file.open("rb") as stream:
        start = stream.read(4096)
    if start.startswith(b"#!") and os.access(file, os.X_OK):
        return True
    return any(line.startswith(b"plugin:") for line in start.splitlines())


def _digest(folder: Path) -> str:
    root = folder if folder.is_dir() else folder.parent
    paths = [folder] if folder.is_file() else []
    for base in [root] if folder.is_dir() else [root / name for name in VARIABLE_FOLDERS]:
        paths += [path for path in base.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    rows = [f"{path.relative_to(root)} {digest_file(path)}" for path in sorted(paths)]
    return digest_bytes("\n".join([f"format {FORMAT}", str(root.absolute()), *rows]).encode())


def _place(folder: Path, settings: Settings) -> Path:
    name = digest_bytes(str(folder.absolute()).encode())[:16]
    return settings.state / "inventories" / f"{name}.json"


def _stored(place: Path) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads(place.read_text())
    except (OSError, ValueError):
        return {}
    return stored


def _ask(folder: Path, files: list[Path], promise: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    from dgops.hosts.yaml_files import is_empty, syntax_problems

    problems = tuple(problem for file in _yaml_files(folder) for problem in syntax_problems(file))
    if problems:
        return {}, problems
    # Ansible calls a file with nothing but comments broken; here it is one that waits to be filled.
    full = [file for file in files if not is_empty(file)]
    if not full:
        return {}, ()
    return _run(folder, full, promise)


def _yaml_files(folder: Path) -> list[Path]:
    root = folder if folder.is_dir() else folder.parent
    found = [path for path in root.rglob("*") if path.suffix in (".yml", ".yaml") and path.is_file()]
    return sorted(found) if folder.is_dir() else [folder] * (folder.suffix in (".yml", ".yaml"))


def _run(folder: Path, files: list[Path], promise: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    argv = [_program(), *(word for file in files for word in ("-i", str(file.absolute()))), "--list"]
    environment = os.environ | {
        # Ansible takes no other encoding, and passes over a file that it cannot read unless it is told.
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        # For scripts: where to write until when the answer holds, and a Python that has dgops.
        UNTIL: str(promise.absolute()),
        PYTHON: sys.executable,
    }
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=LIST_SECONDS, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return {}, (f"{folder}: ansible-inventory gave no answer within {LIST_SECONDS:g} s",)
    if done.returncode != 0:
        return {}, (complaints.reason(done.stderr),)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer, tuple(f"{folder}: {line}" for line in complaints.skipped(done.stderr))


def _program() -> str:
    beside = Path(sys.executable).parent / "ansible-inventory"
    found = str(beside) if beside.is_file() else shutil.which("ansible-inventory")
    if not found:
        raise UsageError("ansible-inventory is not installed here", "install the extra: dgops[controller]")
    return found


def _listing(folder: Path, answer: dict[str, Any]) -> Listing:
    groups = {name: group for name, group in answer.items() if name != "_meta"}
    hosts = (answer.get("_meta") or {}).get("hostvars") or {}
    members = {name: tuple(_members(name, groups, ())) for name in groups}
    names = dict.fromkeys([*members.get("all", ()), *hosts])
    if not all(isinstance(group, dict) for group in groups.values()):
        raise ConfigError([f"{folder}: ansible-inventory answered in a form that dgops does not know"])
    return Listing(folder, {name: hosts.get(name, {}) for name in names}, members)


def _members(name: str, groups: Mapping[str, Any], seen: tuple[str, ...]) -> Iterator[str]:
    if name in seen:
        return
    group = groups.get(name) or {}
    found = list(group.get("hosts") or ())
    for child in group.get("children") or ():
        found += _members(child, groups, (*seen, name))
    yield from dict.fromkeys(found)
