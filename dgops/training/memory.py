"""How much memory of the GPU a training needs, who says so, and what to lower, in which order, where it is too much."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dgops.training.values import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.training.values import Parameters, Recipe

# A card of 24 GB has a little less for a program.
SLACK = 1.5
RESOLUTIONS = (1024, 768, 512)
SMALLEST_RANK = 8
FP8 = {"fp8_base": "true", "fp8_scaled": "true"}
QWEN = "musubi-tuner docs/qwen_image.md, 1024 × 1024, batch size 1"
FLUX = "sd-scripts docs/flux_train_network.md"


@dataclass(frozen=True)
class Setting:
    """Options of a trainer, the memory that they need in GiB, and who measured it; 0 where nobody did."""

    vram_gib: float
    options: Mapping[str, str] = field(default_factory=dict)
    source: str = "nobody measured it"


# For each trainer and architecture, from the fastest to the smallest.
SETTINGS: dict[tuple[str, str], tuple[Setting, ...]] = {
    ("sd-scripts", "sdxl"): (
        Setting(0, {}, "nobody measured it; 24 GB can be too little (sd-scripts docs/train_network_advanced.md)"),
    ),
    ("sd-scripts", "flux"): (
        Setting(24, {}, FLUX),
        Setting(16, {"blocks_to_swap": "18"}, FLUX),
        Setting(10, {"blocks_to_swap": "22", "fp8_base": "true"}, FLUX),
        Setting(8, {"blocks_to_swap": "28", "fp8_base": "true"}, FLUX),
    ),
    ("musubi", "qwen-image"): (
        Setting(42, {}, QWEN),
        Setting(30, FP8, QWEN),
        Setting(24, {**FP8, "blocks_to_swap": "16"}, QWEN + "; 64 GB of RAM recommended"),
        Setting(12, {**FP8, "blocks_to_swap": "45"}, QWEN + "; 64 GB of RAM recommended"),
    ),
    ("musubi", "wan2.1-t2v-14b"): (
        Setting(24, {"fp8_base": "true"}, "musubi-tuner docs/wan.md, images of 720 × 1280"),
        Setting(0, {"fp8_base": "true", "blocks_to_swap": "20"}),
    ),
    ("musubi", "wan2.2-t2v-14b"): (
        Setting(0, {"fp8_base": "true", "offload_inactive_dit": "true"}),
        Setting(0, {"fp8_base": "true", "blocks_to_swap": "20"}),
    ),
    ("musubi", "flux-kontext"): (Setting(0), Setting(0, FP8), Setting(0, {**FP8, "blocks_to_swap": "16"})),
    ("musubi", "z-image"): (Setting(0), Setting(0, FP8), Setting(0, {**FP8, "blocks_to_swap": "14"})),
    ("ai-toolkit", "flux"): (
        Setting(24, {}, "ai-toolkit config/examples/train_lora_flux_24gb.yaml"),
        Setting(0, {"model.low_vram": "true"}),
    ),
}


def setting(recipe: Recipe, vram_gib: float) -> Setting:
    """Return the fastest setting that fits a GPU, the smallest where none does; what a recipe sets itself stands."""
    known = SETTINGS.get((recipe.trainer, recipe.architecture), (Setting(0),))
    if recipe.options.keys() & _keys(known):
        same = (one for one in known if one.options.items() <= recipe.options.items() and one.options)
        found = next(reversed(list(same)), Setting(0))
        return Setting(found.vram_gib, {}, found.source)
    if not vram_gib:
        return known[0]
    return next((one for one in known if one.vram_gib <= vram_gib + SLACK), known[-1])


def estimate(found: Setting) -> Estimate:
    """Return what a plan says; nobody has measured the time, so the first steps have to tell it."""
    least = found.vram_gib
    return Estimate(found.source, vram_gib=(least, least + SLACK) if least else None)


def lower(recipe: Recipe, vram_gib: float) -> tuple[Recipe, str] | None:
    """Return the recipe one rung down the ladder, and what was lowered; None at its foot.

    What only costs time comes first, then what costs quality: batch size, optimizer, resolution, rank.
    """
    known = SETTINGS.get((recipe.trainer, recipe.architecture), ())
    now = {key: value for key, value in recipe.options.items() if key in _keys(known)}
    options = now or dict(setting(recipe, vram_gib).options)
    below = [one for one in known if one.options.items() > options.items() or _swaps(one.options) > _swaps(options)]
    if below:
        rest = {key: value for key, value in recipe.options.items() if key not in _keys(known)}
        words = ", ".join(f"{key} {value}" for key, value in below[0].options.items())
        return replace(recipe, options={**rest, **below[0].options}), words
    found = _parameters(recipe.parameters)
    return (replace(recipe, parameters=found[0]), found[1]) if found else None


def _parameters(now: Parameters) -> tuple[Parameters, str] | None:
    if now.batch_size > 1:
        size = now.batch_size // 2
        return replace(now, batch_size=size), f"batch_size {size}"
    if now.optimizer.lower() == "adamw":
        return replace(now, optimizer="AdamW8bit"), "optimizer AdamW8bit"
    below = [one for one in RESOLUTIONS if one < now.resolution]
    if below:
        return replace(now, resolution=below[0]), f"resolution {below[0]}"
    if now.rank > SMALLEST_RANK:
        rank = max(SMALLEST_RANK, now.rank // 2)
        return replace(now, rank=rank, alpha=now.alpha * rank / now.rank), f"rank {rank}"
    return None


def _swaps(options: Mapping[str, str]) -> int:
    text = options.get("blocks_to_swap", "0")
    return int(text) if text.isdigit() else 0


def _keys(known: tuple[Setting, ...]) -> set[str]:
    return {key for one in known for key in one.options}
