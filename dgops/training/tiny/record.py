"""What a training leaves behind: LoRA files and states, each whole or not there, and none ever written over."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save, save_file

KEPT = 2


def write_lora(path: Path, weights: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """Write a LoRA file, equal ones as equal bytes; one that is there already stays as it is."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as stream:
        stream.write(_with_sorted_head(save(weights, metadata=metadata)))
        stream.flush()
        os.fsync(stream.fileno())
    part.rename(path)


def _with_sorted_head(data: bytes) -> bytes:
    """Return a .safetensors file with its head in order: the library writes metadata in an order of chance."""
    end = 8 + int.from_bytes(data[:8], "little")
    head = json.dumps(json.loads(data[8:end]), sort_keys=True, separators=(",", ":")).encode()
    # Tensors begin at a multiple of eight.
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + data[end:]


def write_state(folder: Path, weights: dict[str, torch.Tensor], optimizer: Any, facts: dict[str, Any]) -> None:
    """Write a folder from which a training goes on."""
    if folder.exists():
        return
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    save_file(weights, str(part / "lora.safetensors"))
    torch.save(optimizer.state_dict(), part / "optimizer.pt")
    (part / "train_state.json").write_text(json.dumps(facts))
    for path in part.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
    part.rename(folder)


def read_state(folder: Path) -> tuple[dict[str, torch.Tensor], Any, dict[str, Any]]:
    """Return what a state holds: weights, the optimizer's, and the facts."""
    facts = json.loads((folder / "train_state.json").read_text())
    optimizer = torch.load(folder / "optimizer.pt", weights_only=True, map_location="cpu")
    return load_file(str(folder / "lora.safetensors")), optimizer, facts


def drop_old_states(output: Path, name: str) -> None:
    """Remove all but the newest states of a run."""
    for folder in sorted(output.glob(f"{name}-step*-state"))[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
