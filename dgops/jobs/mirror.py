"""An input's folder on a host: what it holds already, and pieces of files put into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.jobs.link import Link
    from dgops.jobs.source import Source, SourceFile

# Hashing a large mirror on a slow volume.
LONG = 600.0
NO_SPACE = ("No space left", "Disk quota exceeded", "Errno 28", "Errno 122")


@dataclass(frozen=True)
class Part:
    """A piece of one file: from offset on, so many bytes."""

    name: str
    file: SourceFile
    offset: int
    length: int

    @property
    def last(self) -> bool:
        """Whether the file is whole once this is there."""
        return self.offset + self.length == self.file.size

    def to_json(self) -> dict[str, Any]:
        """Return what the agent is told about the piece."""
        return {
            "path": self.name,
            "offset": self.offset,
            "length": self.length,
            "size": self.file.size,
            "sha256": self.file.sha256,
            "mode": self.file.mode,
        }

    def content(self) -> bytes:
        """Read the piece; raises DgopsError where the file is shorter than it was."""
        with self.file.local.open("rb") as stream:
            stream.seek(self.offset)
            data = stream.read(self.length)
        if len(data) != self.length:
            raise DgopsError(f"{self.file.local} changed while it was sent", "run again when nobody writes to it")
        return data


@dataclass(frozen=True)
class Mirror:
    """An input's folder on a host."""

    link: Link
    base: str
    user: str
    source: Source

    @property
    def root(self) -> str:
        """The folder's path on the host."""
        return f"{self.base}/inputs/{self.source.key}"

    def ask(self, op: str, payload: bytes = b"", **more: Any) -> dict[str, Any]:
        """Ask the agent about this folder; a full disk is told with what to do."""
        request = {"op": op, "root": self.root, "user": self.user, **more}
        try:
            return self.link.exchange("files", request, payload, timeout=LONG)[0]
        except DgopsError as error:
            if any(word in error.message for word in NO_SPACE):
                raise _full(self.link.host.name, self.root) from None
            raise

    def begun(self, names: Sequence[str], above: int) -> dict[str, int]:
        """Return how many bytes of large files the host kept from an earlier try.

        An empty input's folder is made by the same question.
        """
        large = [name for name in names if self.source.files[name].size > above]
        if not large and self.source.files:
            return {}
        # A part of no length asks how much there is.
        asked = [Part(name, self.source.files[name], 0, 0).to_json() for name in large]
        held = self.ask("put", files=asked).get("parts")
        found = held if isinstance(held, dict) else {}
        sizes = {name: self.source.files[name].size for name in large}
        return {name: found[name] for name, size in sizes.items() if found.get(name) in range(size)}

    def lacking(self, names: Sequence[str] | None = None) -> list[str]:
        """Return the names whose content or mode the host does not hold."""
        return self.look(names)[0]

    def look(self, names: Sequence[str] | None = None) -> tuple[list[str], bool]:
        """Return the names whose content or mode the host does not hold, and whether anything else lies there."""
        answer = self.ask("digest", paths=None if names is None else list(names))
        found = answer.get("files")
        there = found if isinstance(found, dict) else {}
        lacking = [name for name in names or self.source.files if not _same(there.get(name), self.source.files[name])]
        return lacking, bool(answer.get("odd") or there.keys() - self.source.files.keys())


def _same(there: Any, here: SourceFile) -> bool:
    if not isinstance(there, dict):
        return False
    return (there.get("sha256"), there.get("size"), there.get("mode")) == (here.sha256, here.size, here.mode)


def _full(host: str, root: str) -> DgopsError:
    volume = root.rpartition("/dgops/")[0] or "/"
    return DgopsError(
        f"{host}: no space left on the disk of {root}",
        "make room, then run the same again: it goes on where it stopped.  What is large there:  "
        f"dgops hosts exec --host {host} -- sh -c 'df -h {volume}; du -xh -d 2 {volume} | sort -h'",
    )
