"""A tar that nobody vouches for, looked at and never unpacked: its entries, its links, the few files that matter."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Any

from dgops.errors import DgopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# No file that WSL reads may be larger, and nothing larger is read here.
LARGEST = 1 << 20
# What a distribution may hold: above it somebody means harm.
MOST_BYTES = 64 << 30
MOST_ENTRIES = 3_000_000
_MOST_HELD = 64 << 20
_MOST_LINKS = 40
_DRY = 16
_READ_AT_ONCE = ("etc/", "usr/lib/wsl/", "usr/libexec/wsl/", "usr/share/wsl/", "usr/lib/os-release")
_HEAD = 4
_BLOCK = 1 << 16
_XATTR = "SCHILY.xattr."
_MAKE_ONE = "dgops image build --kind wsl makes one"
# Headers that carry their value as data, which tarfile reads into memory whole.
_WORDY = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_OPENERS: dict[bytes, tuple[str, Any]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"\xfd7zXZ": ("xz", lzma.open),
    b"BZh": ("bzip2", bz2.open),
}
_BROKEN = (EOFError, tarfile.TarError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError, OverflowError)


@dataclass(frozen=True)
class Entry:
    """One entry: kind is file, folder, link, hardlink or device; names have no leading slash."""

    name: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    target: str = ""
    xattrs: tuple[str, ...] = ()
    head: bytes = b""


@dataclass
class Archive:
    """What a tar holds; `strays` are names that lead out of it."""

    path: Path
    packing: str
    entries: dict[str, Entry] = field(default_factory=dict)
    held: dict[str, bytes] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)

    def find(self, path: str) -> Entry | None:
        """Return the entry that a path leads to, links of the archive gone along; None where it leads nowhere."""
        parts, done, links = path.strip("/").split("/"), list[str](), 0
        while parts:
            part = parts.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                done = done[:-1]
                continue
            entry = self.entries.get("/".join([*done, part]))
            if entry is None or entry.kind not in ("link", "hardlink"):
                done.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            if entry.kind == "hardlink" or entry.target.startswith("/"):
                done = []
            parts = entry.target.strip("/").split("/") + parts
        return self.entries.get("/".join(done))

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None where it is no file, or larger than WSL would read."""
        entry = self.find(path)
        if entry is None or entry.kind != "file" or entry.size > LARGEST:
            return None
        if not entry.size:
            return b""
        if entry.name not in self.held:
            # A link led to where nobody looked at first.
            found = _entries(self.path, lambda one: one.name == entry.name)
            self.held |= {one.name: content for one, content in found if content is not None}
        return self.held.get(entry.name)

    def head(self, path: str) -> bytes:
        """Return the first bytes of a program, nothing where there is none."""
        entry = self.find(path)
        return entry.head if entry else b""

    def text(self, path: str) -> str | None:
        """Return a file's text, bytes of other encodings replaced; None as `read`."""
        content = self.read(path)
        return None if content is None else content.decode(errors="replace")


def load(path: Path) -> Archive:
    """Look through a tar once; UsageError where there is none, DgopsError where it is broken or means harm."""
    archive = Archive(path, _packing(path))
    held = 0

    def wants(entry: Entry) -> bool:
        small = entry.size <= LARGEST and held + entry.size <= _MOST_HELD
        return small and entry.name.startswith(_READ_AT_ONCE)

    for entry, content in _entries(path, wants):
        if entry.name.split("/")[0] == ".." or "/../" in f"/{entry.name}/":
            archive.strays.append(entry.name)
            continue
        archive.entries[entry.name] = entry
        if len(archive.entries) > MOST_ENTRIES:
            raise DgopsError(f"{path} holds more than {MOST_ENTRIES:,} entries, which no distribution does")
        if content is not None:
            archive.held[entry.name] = content
            held += len(content)
    return archive


def _entries(path: Path, wants: Callable[[Entry], bool]) -> Iterator[tuple[Entry, bytes | None]]:
    """Yield every entry, with its content where it is wanted."""
    packing = _packing(path)
    opener = next((one for name, one in _OPENERS.values() if name == packing), open)
    try:
        with opener(path, "rb") as raw:
            stream = _Bounded(raw, path)
            with _opened(stream, path) as tar:
                for member in tar:
                    yield _entry(tar, member, wants)
            # To the last byte, where gzip keeps the sum over all.
            while stream.read(LARGEST):
                pass
    except _BROKEN as error:
        raise DgopsError(f"{path} is cut off or damaged: {error}", "build or download it again") from error


def _opened(stream: Any, path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=stream, mode="r|", tarinfo=_Careful, bufsize=_BLOCK)
    except tarfile.TarError as error:
        raise UsageError(f"{path} is no tar, packed or not: {error}", _MAKE_ONE) from error


def _packing(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            head = stream.read(512)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(f"{path} is no file", _MAKE_ONE) from error
    found = next((name for magic, (name, _) in _OPENERS.items() if head.startswith(magic)), "")
    if found:
        return found
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        raise UsageError(f"{path} is packed by zstd, which WSL does not read", "pack it by gzip")
    if head[257:262] != b"ustar":
        raise UsageError(f"{path} is no tar, packed or not", _MAKE_ONE)
    return "none"


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo, wants: Callable[[Entry], bool]) -> tuple[Entry, bytes | None]:
    kinds = {"file": member.isreg(), "folder": member.isdir(), "link": member.issym(), "hardlink": member.islnk()}
    kind = next((name for name, is_it in kinds.items() if is_it), "device")
    xattrs = tuple(key[len(_XATTR) :] for key in member.pax_headers if key.startswith(_XATTR))
    target = _plain(member.linkname) if kind == "hardlink" else member.linkname
    mode = member.mode & 0o7777
    entry = Entry(_plain(member.name), kind, mode, member.uid, member.gid, member.size, target, xattrs)
    stream = tar.extractfile(member) if kind == "file" and member.size else None
    wanted = stream is not None and wants(entry)
    if stream is None or not (wanted or mode & 0o111):
        return entry, None
    # The beginning tells a program from a script.
    content = stream.read(LARGEST if wanted else _HEAD)
    return replace(entry, head=content[:_HEAD]), content if wanted else None


def _plain(name: str) -> str:
    """Return a name as WSL understands it: `/p`, `p` and `./p` are one."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


class _Careful(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Careful:
        try:
            found = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            # A block of zeros is the end; of whatever else is no header tarfile would make a quiet end too.
            if not buf.strip(b"\0") and len(buf) == tarfile.BLOCKSIZE:
                raise
            raise tarfile.ReadError(f"{error} where an entry should be") from error
        if found.type in _WORDY and found.size > LARGEST:
            raise tarfile.ReadError(f"a header of {found.size:,} bytes")
        if not 0 <= found.size <= MOST_BYTES:
            raise tarfile.ReadError(f"an entry of {found.size:,} bytes")
        return found


class _Bounded:
    """A stream that says so when it ends too early, or never: tarfile alone would go on asking."""

    def __init__(self, raw: IO[bytes], path: Path) -> None:
        self.raw, self.path = raw, path
        self.total = self.dry = 0

    def read(self, size: int) -> bytes:
        """Return at most size bytes."""
        found = self.raw.read(size)
        self.total += len(found)
        self.dry += not found
        if self.dry > _DRY:
            raise EOFError("it ends in the midst of an entry")
        if self.total > MOST_BYTES:
            raise DgopsError(f"{self.path} unpacks to more than {MOST_BYTES >> 30} GiB", "WSL could not hold it")
        return found
