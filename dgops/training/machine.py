"""The machine that trains, as it is seen from on it: cores, GPUs, and what a trainer's venv holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.agent import live_gpu

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GIB = 1 << 30


@dataclass(frozen=True)
class Machine:
    """Cores, GPUs as the driver names them, their driver and the first one's memory in GiB."""

    cpus: int
    gpus: tuple[str, ...] = ()
    driver: str = ""
    vram: float = 0.0


def look() -> Machine:
    """Return this machine; of its GPUs those that the job may see."""
    found = live_gpu.gpu({}).get("gpus") or []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        wanted = [one.strip() for one in visible.split(",") if one.strip()]
        found = [one for number, one in enumerate(found) if str(number) in wanted]
    first: dict[str, Any] = found[0] if found else {}
    memory = float(first.get("total") or 0) / GIB
    names = tuple(str(one.get("name")) for one in found)
    return Machine(len(os.sched_getaffinity(0)), names, str(first.get("driver") or ""), memory)


def vram_used() -> float | None:
    """Return the GiB in use on the first GPU, None where there is none."""
    found = live_gpu.gpu({}).get("gpus") or []
    return (found[0]["total"] - found[0]["free"]) / GIB if found else None


def version(venv: Path, package: str) -> str:
    """Return the version of a package in a venv, nothing where it is not there."""
    return version_among((one.name for one in venv.glob("lib/python3*/site-packages/*.dist-info")), package)


def version_among(names: Iterable[str], package: str) -> str:
    """Return the version of a package by the names of a venv's .dist-info folders, nothing where it has none."""
    found = sorted(one for one in names if one.startswith(f"{package}-"))
    return found[0].removeprefix(f"{package}-").removesuffix(".dist-info") if found else ""
