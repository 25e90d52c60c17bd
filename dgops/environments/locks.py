"""Locks of environments: NAME.in says what is wanted, NAME.txt holds every package with its hashes.

The torch family comes from its profile's own index and from no other. Where that could not be reached, or where no
index holds a package at all, the lock says so in lines of its own, `# incomplete: torch==2.5.1+cu121`, and nobody
builds an environment from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.environments import tables
from dgops.errors import DgopsError

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.environments.profiles import Profile

# What only a profile's index has in the right build.
FAMILY = ("torch", "torchvision", "torchaudio", "xformers")
INCOMPLETE = "# incomplete: "
PROFILE, PYTHON, HELD_BACK = "# profile: ", "# python: ", "# held back: "
PYTHONS = "3.10 3.12"
NAME = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9]")


@dataclass(frozen=True)
class Wanted:
    """What NAME.in says: requirements of the ordinary index, names of the torch family, and what no index holds."""

    name: str
    profile: str
    pythons: tuple[str, str]
    ordinary: tuple[str, ...]
    family: tuple[str, ...]
    held_back: tuple[str, ...]

    def family_pins(self, profile: Profile) -> tuple[str, ...]:
        """Return the torch family as a profile has it; raises DgopsError where it lacks one."""
        for name in self.family:
            if name not in profile.pins:
                raise DgopsError(f"{self.name} needs {name}, and no build of it is known for {profile.name}")
        return tuple(profile.pins[name] for name in self.family)

    def file_for(self, profile: Profile) -> str:
        """Return the name of its lock: NAME for its own profile, else NAME-PROFILE."""
        return self.name if profile.name == self.profile else f"{self.name}-{profile.name}"


def names() -> list[str]:
    """Return the environments that have a profile."""
    found = tables.folder("locks").glob("*.in")
    return sorted(path.stem for path in found if any(line.startswith(PROFILE) for line in _lines(path)))


def wanted(name: str) -> Wanted:
    """Read NAME.in; raises UsageError with near matches where there is none."""
    if name not in names():
        raise tables.not_known("environment", name, names())
    lines = _lines(tables.folder("locks") / f"{name}.in")
    asked = [line for line in lines if line and not line.startswith("#")]
    family = tuple(requirement_name(line) for line in asked if requirement_name(line) in FAMILY)
    first, last = _said(lines, PYTHON, [PYTHONS])[0].split()
    return Wanted(
        name,
        _said(lines, PROFILE, [])[0],
        (first, last),
        tuple(line for line in asked if requirement_name(line) not in FAMILY),
        family,
        tuple(_said(lines, HELD_BACK, [])),
    )


def missing(text: str) -> tuple[str, ...]:
    """Return what a lock lacks, nothing where it is whole."""
    return tuple(_said([line.strip() for line in text.splitlines()], INCOMPLETE, []))


def requirement_name(requirement: str) -> str:
    """Return the distribution's name, as indexes spell it."""
    found = NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", found.group()).lower() if found else ""


def _said(lines: list[str], head: str, default: list[str]) -> list[str]:
    return [line[len(head) :].strip() for line in lines if line.startswith(head)] or default


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text().splitlines()]
