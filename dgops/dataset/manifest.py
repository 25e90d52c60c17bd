"""What a stage made: its outputs with digests, what it was made from, and what became of each image."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dgops.files import digest_bytes, write_json

NAME = "manifest.json"
# Far above that of a real one; a file that is larger is none.
LARGEST = 64 * 1024**2
CHUNK = 1024**2


@dataclass(frozen=True)
class Item:
    """One image: its safe name, the file it came from, its file in the stage's folder, and why it was rejected.

    `sha256` is that of the original bytes. `reason` is empty where the image goes on. `facts` are measures.
    """

    name: str
    source: str
    sha256: str = ""
    file: str = ""
    reason: str = ""
    detail: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Output:
    """One file of a stage, by its bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The record of one stage; two runs that made the same have equal ones."""

    stage: str
    version: int
    fingerprint: str
    parameters: dict[str, Any]
    items: tuple[Item, ...]
    outputs: dict[str, Output]

    @property
    def kept(self) -> list[Item]:
        """The images that go on, in order."""
        return [item for item in self.items if not item.reason]

    @property
    def rejected(self) -> list[Item]:
        """The images that do not."""
        return [item for item in self.items if item.reason]

    def digest(self) -> str:
        """Return the digest of everything in it: the next stage's inputs."""
        return digest_bytes(json.dumps(asdict(self), sort_keys=True).encode())

    def write(self, folder: Path) -> None:
        """Write it into the stage's folder, atomically; the last thing that a stage does."""
        write_json(folder / NAME, asdict(self))


def load(folder: Path) -> Manifest | None:
    """Return the manifest of a stage's folder, None where there is none or it is rubbish."""
    path = folder / NAME
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            return None
        return parse(json.loads(path.read_text()))
    except (OSError, ValueError, RecursionError):
        return None


def parse(raw: Any) -> Manifest | None:
    """Return the manifest that a JSON value holds, None where its shape is another."""
    if not isinstance(raw, dict) or set(raw) != set(Manifest.__dataclass_fields__):
        return None
    shapes = {"stage": str, "version": int, "fingerprint": str, "parameters": dict, "items": list, "outputs": dict}
    if any(not isinstance(raw[key], kind) for key, kind in shapes.items()):
        return None
    items = [_item(one) for one in raw["items"]]
    outputs = {name: _output(name, one) for name, one in raw["outputs"].items()}
    whole = [one for one in items if one]
    sound = {name: one for name, one in outputs.items() if one}
    if len(whole) < len(items) or len(sound) < len(outputs):
        return None
    if any(item.file and item.file not in sound for item in whole):
        return None
    return Manifest(raw["stage"], raw["version"], raw["fingerprint"], raw["parameters"], tuple(whole), sound)


def _item(raw: Any) -> Item | None:
    if not isinstance(raw, dict) or set(raw) != set(Item.__dataclass_fields__) or not isinstance(raw["facts"], dict):
        return None
    return Item(**raw) if all(isinstance(raw[key], str) for key in raw if key != "facts") else None


def _output(name: str, raw: Any) -> Output | None:
    inside = name and not Path(name).is_absolute() and ".." not in Path(name).parts and "\0" not in name
    if not inside or not isinstance(raw, dict) or set(raw) != {"sha256", "size"}:
        return None
    sound = isinstance(raw["sha256"], str) and type(raw["size"]) is int
    return Output(raw["sha256"], raw["size"]) if sound else None


class Digests:
    """Digests of files, each computed once in a run however many stages link to it."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int, int], str] = {}

    def of_file(self, path: Path) -> Output:
        """Return digest and size of a regular file; a link is an OSError."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            state = os.fstat(stream.fileno())
            key = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
            if key not in self._known:
                total = hashlib.sha256()
                while chunk := stream.read(CHUNK):
                    total.update(chunk)
                self._known[key] = total.hexdigest()
            return Output(self._known[key], state.st_size)

    def of_folder(self, folder: Path) -> dict[str, Output]:
        """Return every file below a folder but its manifest, in order of their names."""
        names = sorted(name for name in _files(folder) if name != NAME)
        return {name: self.of_file(folder / name) for name in names}

    def matches(self, manifest: Manifest, folder: Path) -> bool:
        """Tell whether every output is there and has the bytes that the manifest says."""
        try:
            return all(self.of_file(folder / name) == output for name, output in manifest.outputs.items())
        except OSError:
            return False

    def is_untouched(self, manifest: Manifest | None, folder: Path) -> bool:
        """Tell whether a folder holds nothing but what its manifest lists, whatever else is gone."""
        if manifest is None:
            return False
        try:
            return all(manifest.outputs.get(name) == one for name, one in self.of_folder(folder).items())
        except OSError:
            return False


def _files(folder: Path) -> list[str]:
    found = []
    for parent, _, names in os.walk(folder):
        found += [(Path(parent) / name).relative_to(folder).as_posix() for name in names]
    return found
