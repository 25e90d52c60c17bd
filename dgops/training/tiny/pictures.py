"""The set that is trained on, and the pictures that a model makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import torch
from PIL import Image

KINDS = (".jpg", ".jpeg", ".png", ".webp")
STEPS = 12
SHOWN = 256


def load(folder: Path, resolution: int) -> tuple[torch.Tensor, list[str]]:
    """Return every picture from -1 to 1 with its caption; raises SystemExit with the first that is not whole."""
    pictures, captions = [], []
    for path in sorted(one for one in folder.iterdir() if one.suffix.lower() in KINDS):
        text = path.with_suffix(".txt")
        if not text.is_file():
            raise SystemExit(f"{path}: no caption beside it ({text.name})")
        with Image.open(path) as image:
            pictures.append(square(image.convert("RGB"), resolution))
        captions.append(text.read_text(encoding="utf-8").strip())
    if not pictures:
        raise SystemExit(f"{folder}: no pictures ({', '.join(KINDS)})")
    return torch.stack(pictures), captions


def square(image: Image.Image, side: int) -> torch.Tensor:
    """Return the middle of a picture."""
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    cut = image.crop((left, top, left + short, top + short)).resize((side, side), Image.Resampling.LANCZOS)
    return torch.from_numpy(numpy.array(cut)).permute(2, 0, 1).float() / 127.5 - 1


@torch.no_grad()
def sample(model: Any, schedule: torch.Tensor, text: torch.Tensor, side: int, seed: int) -> Image.Image:
    """Make a picture by DDIM: deterministic, few steps."""
    device = next(model.parameters()).device
    noisy = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(seed)).to(device)
    times = torch.linspace(len(schedule) - 1, 0, STEPS).long().tolist()
    for at, time in enumerate(times):
        signal = schedule[time]
        clean = model(noisy, torch.tensor([time], device=device), text.to(device)).sample.clamp(-1, 1)
        noise = (noisy - signal.sqrt() * clean) / (1 - signal).sqrt()
        then = schedule[times[at + 1]] if at + 1 < len(times) else torch.tensor(1.0)
        noisy = then.sqrt() * clean + (1 - then).sqrt() * noise
    pixels = ((noisy[0].float().cpu() + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    return Image.fromarray(pixels).resize((SHOWN, SHOWN), Image.Resampling.BICUBIC)
