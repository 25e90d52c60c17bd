"""Profiles: each a build of PyTorch for one CUDA, with what it asks of driver, GPU and Python."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from dgops.environments import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

# A GPU's compute capability, (8, 6) for sm_86.
Capability = tuple[int, int]


@dataclass(frozen=True)
class Profile:
    """One build: `driver` is the oldest branch that runs it, `own_driver` the one that came with its CUDA.

    `packages` are the versions of the torch family without the profile's suffix, `architectures` what the wheels
    hold code for, `sources` says where each of these facts is from. The smallest `rank` that works is recommended.
    """

    name: str
    cuda: str
    index: str
    driver: int
    own_driver: int
    python: tuple[str, str]
    packages: Mapping[str, str]
    architectures: tuple[Capability, ...]
    rank: int
    sources: Mapping[str, str]

    @property
    def pins(self) -> dict[str, str]:
        """Name → requirement of the torch family; xformers' wheels carry no suffix."""
        return {
            name: f"{name}=={version}" + ("" if name == "xformers" else f"+{self.name}")
            for name, version in self.packages.items()
        }

    def code_for(self, capability: Capability) -> Capability | None:
        """Return the newest architecture in the wheels whose code a GPU runs, None where there is none.

        A GPU runs code of its own major number and of its own minor number or a smaller one (NVIDIA, CUDA C++
        Programming Guide, binary compatibility).
        """
        fits = [one for one in self.architectures if one[0] == capability[0] and one[1] <= capability[1]]
        return max(fits, default=None)


@cache
def load() -> tuple[Profile, ...]:
    """Return all profiles, the most recommended first."""
    found = (_profile(path.stem, tables.read(path)) for path in tables.folder("profiles").glob("*.yml"))
    return tuple(sorted(found, key=lambda one: one.rank))


def get(name: str) -> Profile:
    """Return one profile; raises UsageError with near matches for a name that is none."""
    known = {one.name: one for one in load()}
    if name not in known:
        raise tables.not_known("profile", name, known)
    return known[name]


def capability(text: str) -> Capability:
    """Return "8.6" as (8, 6)."""
    major, minor = text.split(".")
    return int(major), int(minor)


def sm(of: Capability) -> str:
    """Return (8, 6) as CUDA's compilers write it: sm_86."""
    return f"sm_{of[0]}{of[1]}"


def _profile(name: str, raw: dict[str, Any]) -> Profile:
    architectures = tuple(capability(one) for one in raw["architectures"])
    return Profile(**{**raw, "name": name, "python": tuple(raw["python"]), "architectures": architectures})
