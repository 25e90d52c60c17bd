"""A stage: declared inputs, parameters and version lead to outputs in a folder of its own, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.dataset import manifest as manifests
from dgops.dataset.manifest import Digests, Item, Manifest
from dgops.files import digest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dgops.dataset.options import Options
    from dgops.dataset.workers import Workers

ASIDE = "aside"


@dataclass(frozen=True)
class Made:
    """A stage that is whole: its folder and its manifest, and whether it was so before."""

    folder: Path
    manifest: Manifest
    held: bool = False
    aside: Path | None = None


@dataclass(frozen=True)
class Work:
    """What a stage has to work with: an empty folder to fill, its parameters, and the stages before it."""

    folder: Path
    options: Options
    parameters: dict[str, Any]
    inputs: Mapping[str, Made]
    workers: Workers

    def place(self, original: Path, name: str) -> str:
        """Put an earlier stage's file under a name in this folder, by a hard link where there can be one."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(original, target)
        return name


@dataclass(frozen=True)
class Stage:
    """How one stage is made.

    `parameters` returns everything besides the inputs that its outputs depend on, as JSON values. `make` fills the
    folder and returns every image it looked at, in order. `describe` says what came of it, for people.
    """

    name: str
    version: int
    inputs: tuple[str, ...]
    parameters: Callable[[Options], dict[str, Any]]
    make: Callable[[Work], list[Item]]
    describe: Callable[[Manifest], tuple[str, str]]


@dataclass(frozen=True)
class Bench:
    """What every stage of one run shares."""

    options: Options
    workers: Workers
    digests: Digests
    tools: dict[str, str]


def bring(stage: Stage, bench: Bench, before: Mapping[str, Made]) -> Made:
    """Return a stage that is whole: as it was, where its fingerprint and its outputs still hold, else made anew.

    A folder that somebody changed is never overwritten but set aside.
    """
    folder = bench.options.root / stage.name
    inputs = {name: before[name] for name in stage.inputs}
    parameters = stage.parameters(bench.options)
    digests = {name: made.manifest.digest() for name, made in inputs.items()}
    fingerprint = _fingerprint([stage.name, stage.version, parameters, digests, bench.tools])
    known = manifests.load(folder)
    if known and known.fingerprint == fingerprint and bench.digests.matches(known, folder):
        return Made(folder, known, held=True)
    with _making(folder) as making:
        work = Work(making, bench.options, parameters, inputs, bench.workers)
        items = tuple(stage.make(work))
        outputs = Digests().of_folder(making)
        made = Manifest(stage.name, stage.version, fingerprint, parameters, items, outputs)
        made.write(making)
        aside = _retire(folder, known, bench.digests)
        os.replace(making, folder)
    return Made(folder, made, aside=aside)


def clear(root: Path) -> None:
    """Take away what a killed run left half-made."""
    for path in root.glob(".[0-9][0-9]_*"):
        shutil.rmtree(path, ignore_errors=True)


def link_or_copy(original: Path, target: Path) -> None:
    """Give a file another name, or copy it where the file system has no hard links."""
    try:
        os.link(original, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        shutil.copyfile(original, target, follow_symlinks=False)


def moved(items: list[Item], reason: str, detail: str) -> list[Item]:
    """Return items as rejected for one reason."""
    return [replace(item, reason=reason, detail=detail) for item in items]


def _fingerprint(value: Any) -> str:
    return digest_bytes(json.dumps(value, sort_keys=True).encode())


@contextmanager
def _making(folder: Path) -> Iterator[Path]:
    # A name of its own each time: what still writes for a run that was killed cannot reach this one's files.
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        making.chmod(0o755)
        yield making
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _retire(folder: Path, known: Manifest | None, digests: Digests) -> Path | None:
    """Make room for a new folder; return where the old one went if it held more than a stage had put there."""
    if not os.path.lexists(folder):
        return None
    if not folder.is_symlink() and digests.is_untouched(known, folder):
        old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        os.replace(folder, old)
        shutil.rmtree(old, ignore_errors=True)
        return None
    shelf = folder.parent / ASIDE
    shelf.mkdir(exist_ok=True)
    number = 1
    while os.path.lexists(shelf / f"{folder.name}-{number}"):
        number += 1
    os.rename(folder, shelf / f"{folder.name}-{number}")
    return shelf / f"{folder.name}-{number}"
