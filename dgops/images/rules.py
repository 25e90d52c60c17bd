"""What a rule is, what a finding says, and how the two configuration files of a distribution are read."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dgops.images.archive import Archive, Entry

ERROR, WARNING = "error", "warning"
WSL_CONF, DISTRIBUTION_CONF = "/etc/wsl.conf", "/etc/wsl-distribution.conf"
# What was found, and how to mend it.
Broken = tuple[str, str]


@dataclass(frozen=True)
class Finding:
    """One rule that a file breaks."""

    rule: str
    severity: str
    found: str
    mend: str


@dataclass(frozen=True)
class Rule:
    """One thing that WSL asks of a file."""

    name: str
    severity: str
    look: Callable[[Archive], Iterable[Broken]]


def settings(archive: Archive, path: str) -> Mapping[str, str]:
    """Return section.key → value of a configuration file, in small letters as WSL compares them; none where broken."""
    text = archive.text(path)
    try:
        return parsed(text or "")
    except configparser.Error:
        return {}


def parsed(text: str) -> dict[str, str]:
    """Return section.key → value; raises configparser.Error for a line that is neither section nor key."""
    parser = configparser.ConfigParser(
        interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",), default_section="\0"
    )
    parser.read_string(text)
    return {
        f"{section}.{key}".lower(): value.strip().strip('"')
        for section in parser.sections()
        for key, value in parser.items(section)
    }


def is_true(value: str | None) -> bool:
    """Say whether a switch is on."""
    return (value or "").lower() in ("true", "1")


def modes_of(entry: Entry, path: str, modes: tuple[int, ...], *, root: bool = True) -> list[Broken]:
    """Return what is wrong with a file's owner and mode."""
    broken = []
    allowed = " or ".join(f"{mode:04o}" for mode in modes)
    if entry.mode not in modes:
        broken.append((f"{path} has mode {entry.mode:04o}", f"chmod {allowed} {path}"))
    if root and (entry.uid, entry.gid) != (0, 0):
        broken.append((f"{path} belongs to {entry.uid}:{entry.gid}", f"chown root:root {path}"))
    return broken


def climbs(path: str) -> bool:
    """Say whether a configured path has a `..` in it, which WSL refuses."""
    return ".." in path.split("/")
