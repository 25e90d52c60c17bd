"""/etc/wsl.conf: what stands in it, and one key set in it while all else stays as a person wrote it."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path("/etc/wsl.conf")
MOUNT = "/mnt"
SECTION = re.compile(r"\s*\[\s*([^\]]*?)\s*\]")
# Key and sign, value, a comment behind it.
PAIR = re.compile(r"(\s*([^#;=\s][^=]*?)\s*=\s*)(.*?)(\s+#.*)?$")


def value(text: str, section: str, key: str) -> str | None:
    """Return what a key is set to, the last time that it is; None where it is not."""
    found = [match[3].strip().strip('"') for _, match in _pairs(_lines(text), section, key)]
    return found[-1] if found else None


def merged(text: str, section: str, key: str, wanted: str) -> str:
    """Return the text with one key set; other lines, comments and their order stay, Windows' line ends go.

    Only they: WSL takes a carriage return for a part of the value.
    """
    lines = _lines(text)
    places = list(_pairs(lines, section, key))
    for number, match in places:
        if match[3].strip().strip('"') != wanted:
            lines[number] = f"{match[1]}{wanted}{match[4] or ''}"
    if not places:
        _insert(lines, section, f"{key}={wanted}")
    return "\n".join(lines) + "\n" if lines else ""


@lru_cache(maxsize=1)
def mount_root(file: Path = FILE) -> str:
    """Return the folder that this distro sees Windows' drives under, /mnt where nothing else is set."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return MOUNT
    root = value(text, "automount", "root") or MOUNT
    return (root.rstrip("/") or "/") if root.startswith("/") else MOUNT


def main(argv: list[str]) -> None:
    """Set keys of a file, each as section.key=value, and print those that were set otherwise."""
    from dgops.files import write_atomic

    file, *wishes = argv
    path = Path(file)
    before = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""
    text = before
    for wish in wishes:
        name, _, wanted = wish.partition("=")
        section, _, key = name.partition(".")
        if not key or not wanted:
            raise UsageError(f"{wish!r} sets nothing", "section.key=value")
        was = value(text, section, key)
        if was != wanted:
            print(f"{name}={wanted}" + (f" (was {was!r})" if was else ""))  # noqa: T201 - what bootstrap.sh tells
        text = merged(text, section, key, wanted)
    if text != before:
        write_atomic(path, text.encode("utf-8", "surrogateescape"), 0o644)


def _lines(text: str) -> list[str]:
    # Notepad begins a file with a mark.
    return [line.rstrip("\r") for line in text.removeprefix("\ufeff").removesuffix("\n").split("\n")] if text else []


def _pairs(lines: list[str], section: str, key: str) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield each line, by its number, that sets a key of a section."""
    current = ""
    for number, line in enumerate(lines):
        if head := SECTION.match(line):
            current = head[1].lower()
        elif current == section.lower() and (match := PAIR.match(line)) and match[2].lower() == key.lower():
            yield number, match


def _insert(lines: list[str], section: str, line: str) -> None:
    """Add a line behind what the section holds already, or with the section at the end."""
    heads = [(number, match[1].lower()) for number, text in enumerate(lines) if (match := SECTION.match(text))]
    starts = [number for number, name in heads if name == section.lower()]
    if not starts:
        lines += [*([""] if lines and lines[-1].strip() else []), f"[{section}]", line]
        return
    end = next((number for number, _ in heads if number > starts[-1]), len(lines))
    while not lines[end - 1].strip():
        end -= 1
    lines.insert(end, line)


if __name__ == "__main__":
    main(sys.argv[1:])
