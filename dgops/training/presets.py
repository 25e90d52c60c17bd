"""Presets: for each architecture what Quick, Balanced and High Quality mean; a recipe overrides any of it.

Values for the real models are those of the trainers' own documents and presets; what they leave open is the middle of
what people publish. Steps are optimizer steps.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dgops.training.values import Parameters

NAMES = ("quick", "balanced", "high-quality")
DEFAULT = "balanced"

_PRODIGY = {
    "optimizer": "prodigy",
    "optimizer_args": ("weight_decay=0.01", "decouple=True", "d0=0.0001", "use_bias_correction=True"),
    "learning_rate": 1.0,
    "scheduler": "constant",
    "precision": "bf16",
}
_ADAMW8 = {"optimizer": "adamw8bit", "scheduler": "constant", "precision": "bf16"}


def _of(common: dict[str, Any], quick: dict[str, Any], high: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"quick": {**common, **quick}, "balanced": common, "high-quality": {**common, **high}}


_TINY = {
    "optimizer": "adamw",
    "scheduler": "constant",
    "precision": "fp32",
    "learning_rate": 2e-3,
    "rank": 8,
    "alpha": 8.0,
    "resolution": 32,
    "batch_size": 4,
    "steps": 60,
    "save_every": 20,
}
_SDXL = {**_PRODIGY, "rank": 32, "alpha": 16.0, "resolution": 1024, "steps": 2500, "save_every": 250}
_FLUX = {
    **_ADAMW8,
    "learning_rate": 1e-4,
    "rank": 16,
    "alpha": 16.0,
    "resolution": 1024,
    "steps": 2000,
    "save_every": 250,
}
_VIDEO = {
    **_ADAMW8,
    "learning_rate": 2e-4,
    "rank": 32,
    "alpha": 32.0,
    "resolution": 1024,
    "steps": 2000,
    "save_every": 250,
}
_QUICK, _HIGH = {"resolution": 512, "steps": 800, "save_every": 200}, {"rank": 64, "steps": 4000, "save_every": 500}

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "tiny-unet": _of(
        _TINY, {"steps": 20, "save_every": 10}, {"steps": 200, "rank": 16, "alpha": 16.0, "save_every": 50}
    ),
    "sdxl": _of(_SDXL, {"steps": 1000, "save_every": 200}, {"rank": 64, "alpha": 32.0, "steps": 4000}),
    "flux": _of(_FLUX, _QUICK, {**_HIGH, "alpha": 64.0}),
    "flux-kontext": _of({**_FLUX, "rank": 32, "alpha": 32.0}, _QUICK, {**_HIGH, "alpha": 64.0}),
    "qwen-image": _of({**_FLUX, "learning_rate": 5e-5}, _QUICK, {**_HIGH, "alpha": 64.0}),
    "z-image": _of({**_FLUX, "rank": 32, "alpha": 32.0}, _QUICK, {**_HIGH, "alpha": 64.0}),
    "wan2.1-t2v-14b": _of(_VIDEO, _QUICK, {**_HIGH, "alpha": 64.0}),
    "wan2.2-t2v-14b": _of(_VIDEO, _QUICK, {**_HIGH, "alpha": 64.0}),
}


def parameters(architecture: str, preset: str, overrides: dict[str, Any]) -> Parameters:
    """Return a preset's values with what overrides them; steps and epochs override each other."""
    chosen = dict(PRESETS[architecture][preset])
    if "epochs" in overrides:
        chosen.pop("steps", None)
    # A preset's arguments are its own optimizer's.
    if overrides.get("optimizer", chosen["optimizer"]) != chosen["optimizer"]:
        chosen.pop("optimizer_args", None)
    return Parameters(**{**chosen, **overrides})


KEYS = tuple(one.name for one in fields(Parameters))
