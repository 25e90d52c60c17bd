"""GPUs by the names that drivers and people give them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from dgops.environments import tables
from dgops.environments.profiles import Capability, capability

if TYPE_CHECKING:
    from collections.abc import Mapping

MAKER = re.compile(r"\b(nvidia|geforce|tesla|quadro)\b|[^a-z0-9]", re.IGNORECASE)
# What drivers add to a name: the form, the memory, a part of a GPU that stands for itself, and a market's edition.
ADDED = re.compile(
    r"(sxm\d?|pcie|nvl|hbm\de?|\d+gb|mig\d+g|laptop|mobile|gpu|maxq|generation|workstation|server|edition|design|with|d)*"
)


@dataclass(frozen=True)
class Gpu:
    """A kind of GPU; `driver` is the oldest branch that knows it, 0 where every driver that matters does."""

    name: str
    capability: Capability
    memory_gb: int
    architecture: str
    driver: int = 0
    driver_source: str = ""


@cache
def load() -> Mapping[str, Gpu]:
    """Return every GPU of the table by its name."""
    found = tables.read(tables.folder("profiles") / "tables" / "gpus.yml")
    floors = found["drivers"]
    return {
        name: Gpu(name, capability(sm), memory, architecture, *floors.get(architecture, {}).values())
        for name, (sm, memory, architecture) in found["gpus"].items()
    }


def find(name: str) -> Gpu:
    """Return the GPU that a driver or a person calls so; raises UsageError with near matches."""
    known = load()
    wanted = _compact(name)
    # The longest first: an RTX 3080 Ti is no RTX 3080.
    for one in sorted(known, key=len, reverse=True):
        compact = _compact(one)
        if wanted.startswith(compact) and ADDED.fullmatch(wanted[len(compact) :]):
            return known[one]
    raise tables.not_known("GPU", " ".join(name.split())[:80], known)


def _compact(name: str) -> str:
    return MAKER.sub("", name).lower()
