"""What a job's input holds: every file with its size and digest, looked at before anything is sent."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import ConfigError, UsageError
from dgops.files import digest_bytes
from dgops.jobs import names
from dgops.jobs.sums import Sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dgops.jobs.job import Input

# More than the agent digests in one answer.
MOST_FILES = 50_000
KEY_LENGTH = 16


@dataclass(frozen=True)
class SourceFile:
    """One file to send: where it lies here, its size in bytes, sha256 and permission bits."""

    local: Path
    size: int
    sha256: str
    mode: int


@dataclass(frozen=True)
class Source:
    """One input as it stands here: the key of its mirror on a host, and its files by relative name."""

    path: str
    key: str
    files: dict[str, SourceFile]
    single: bool

    def to_json(self) -> dict[str, object]:
        """Return what a job's spec holds."""
        return {"path": self.path, "store": self.key, **({"file": True} if self.single else {})}


def read(inputs: Sequence[Input], controller: str, state: Path) -> list[Source]:
    """Look at every input; raises UsageError or ConfigError with every mistake at once, before a host is asked.

    What was read before and has not changed since is not read again: its digest is kept below `state`.
    """
    _require_distinct(inputs)
    missing = [str(one.local) for one in inputs if not one.local.exists()]
    if missing:
        raise UsageError(f"no such input: {', '.join(missing)}", "--input takes files and folders of this machine")
    problems: list[str] = []
    found = [_source(one, controller, state, problems) for one in inputs]
    if problems:
        raise ConfigError(problems[:20], "an input is sent as files and folders; copy in what a link points at")
    return found


def _require_distinct(inputs: Sequence[Input]) -> None:
    seen: list[str] = []
    for one in inputs:
        wrong = names.complaint(one.path)
        if wrong:
            raise UsageError(f"--input {one.local}: the name {one.path!r} {wrong}")
        for other in seen:
            if other == one.path or other.startswith(f"{one.path}/") or one.path.startswith(f"{other}/"):
                both = one.path if other == one.path else f"{other} and {one.path}"
                raise UsageError(f"two inputs would lie in one place in the job's work folder: {both}")
        seen.append(one.path)


def _source(wanted: Input, controller: str, state: Path, problems: list[str]) -> Source:
    real = wanted.local.resolve()
    key = digest_bytes(f"{controller}\0{real}".encode(errors="surrogateescape"))[:KEY_LENGTH]
    sums = Sums(state / "sums" / f"{key}.json", forget=True)
    if real.is_file():
        name = wanted.path.rsplit("/", 1)[-1]
        files = {name: _file(name, real, sums)}
        sums.keep()
        return Source(wanted.path, key, files, single=True)
    if not real.is_dir():
        problems.append(f"{wanted.local} is neither a file nor a folder")
        return Source(wanted.path, key, {}, single=False)
    files = {}
    named = [(name, real / name) for name in wanted.only] if wanted.only is not None else None
    for name, path in _walk(real, real, "", (), problems) if named is None else named:
        wrong = names.complaint(name)
        if wrong:
            problems.append(f"{wanted.local}: the name {name!r} {wrong}")
            continue
        files[name] = _file(name, path, sums)
        if len(files) > MOST_FILES:
            raise UsageError(
                f"{wanted.local} holds more than {MOST_FILES} files", "pack it: one archive travels better than this"
            )
    sums.keep()
    return Source(wanted.path, key, files, single=False)


def _walk(
    root: Path, folder: Path, prefix: str, above: tuple[Path, ...], problems: list[str]
) -> Iterator[tuple[str, Path]]:
    """Yield relative names and paths; links are followed where they stay inside the root."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        name, path = prefix + entry.name, Path(entry.path)
        if entry.is_symlink():
            wrong = _link_problem(root, path, (*above, folder))
            if wrong:
                problems.append(f"{path}: {wrong}")
                continue
        if entry.is_dir():
            yield from _walk(root, path, f"{name}/", (*above, folder), problems)
        elif entry.is_file():
            yield name, path
        else:
            problems.append(f"{path} is neither a file nor a folder")


def _link_problem(root: Path, path: Path, above: tuple[Path, ...]) -> str:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return f"a link to {os.readlink(path)}, which is not there"
    if not target.is_relative_to(root):
        return f"a link that leads out of {root}, to {target}"
    return f"a link to its own folder {target}" if target in [one.resolve() for one in above] else ""


def _file(name: str, path: Path, sums: Sums) -> SourceFile:
    status = path.stat()
    return SourceFile(path, status.st_size, sums.of(name, path, status), stat.S_IMODE(status.st_mode) & 0o777)
