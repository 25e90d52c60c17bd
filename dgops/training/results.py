"""What goes home of a run: LoRA files, samples, curve and card, gathered in a folder that holds nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.files import digest_file

if TYPE_CHECKING:
    from dgops.training.values import Outputs

FOLDER = "results"
# Where runs come home to, each in a folder of its own name, below the folder that one stands in.
MODELS = Path("models")


def gather(output: Path, found: Outputs) -> list[str]:
    """Put what is new among checkpoints and samples there; returns their paths below the output folder."""
    fresh = []
    for path in sorted({*found.checkpoints, *found.samples}):
        here, there = output / path, output / FOLDER / _place(path, path in found.samples)
        # A first look may have caught it half written.
        if there.exists() and there.stat().st_size == here.stat().st_size:
            continue
        with contextlib.suppress(FileNotFoundError):
            put(here, there)
            fresh.append(path)
    return fresh


def put(here: Path, there: Path) -> None:
    """Make a file be there as well, atomically; as a link where the file system has them."""
    there.parent.mkdir(parents=True, exist_ok=True)
    part = there.with_name(f".{there.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(here, part)
    except OSError:
        shutil.copyfile(here, part)
    os.replace(part, there)


def put_for_comfyui(lora: Path, folder: Path, run: str) -> tuple[Path, str]:
    """Copy the LoRA to where ComfyUI looks for it, by the run's name; returns where it is and its sha256."""
    digest = digest_file(lora)
    there = folder / f"{run}{lora.suffix}"
    if not there.is_file() or digest_file(there) != digest:
        folder.mkdir(parents=True, exist_ok=True)
        part = there.with_name(f".{there.name}.part")
        shutil.copyfile(lora, part)
        os.replace(part, there)
    return there, digest


def _place(path: str, is_sample: bool) -> str:
    name = path.rpartition("/")[2]
    return f"samples/{name}" if is_sample else name
