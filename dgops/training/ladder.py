"""Out of the GPU's memory: one thing lowered after the other where that was asked for, and kept for the next run."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.files import write_json
from dgops.training import memory, trainer
from dgops.training.order import recipe_of

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.training.values import Recipe

# In the run's own folder: what was trained with it can only be gone on with by it.
NAME = "lowered.json"


class OutOfMemoryError(DgopsError):
    """The GPU's memory was too small for what a recipe asks for."""


def hint(recipe: Recipe, vram_gib: float) -> str:
    """Return the next thing to lower, what only costs time before what costs quality."""
    found = memory.lower(recipe, vram_gib)
    if not found:
        return "nothing is left to lower: take a larger GPU"
    return f"next to lower in the recipe: {found[1]}; dgops run train --lower does so by itself"


def below(recipe: Recipe, vram_gib: float, begun: bool) -> tuple[Recipe, str] | None:
    """Return the recipe one rung down and what was lowered; None where there is none.

    Where a run has begun its states fit no other batch, optimizer, resolution or rank: only options are lowered then.
    """
    found = memory.lower(recipe, vram_gib)
    if found is None or (begun and found[0].parameters != recipe.parameters):
        return None
    return None if trainer.get(recipe.trainer).complaints(found[0]) else found


def keep(output: Path, recipe: Recipe, words: tuple[str, ...]) -> None:
    """Write down what a run is trained with from now on."""
    write_json(output / NAME, {"lowered": list(words), "recipe": asdict(recipe)})


def kept(output: Path) -> tuple[Recipe, tuple[str, ...]] | None:
    """Return what a run was lowered to before, None where it was not."""
    try:
        found = json.loads((output / NAME).read_text())
        return recipe_of(found["recipe"]), tuple(map(str, found["lowered"]))
    except OSError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise DgopsError(f"{output / NAME}: {error}", "move it aside: the run goes on by its recipe alone") from None
