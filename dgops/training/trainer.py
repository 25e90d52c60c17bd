"""The Protocol of a trainer, and the table of those that there are, loaded on use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.training.values import Dataset, Outputs, Place, Plan, Progress, Recipe, State, Written

TRAINERS = {
    "tiny": "dgops.training.trainers.tiny:TRAINER",
    "sd-scripts": "dgops.training.trainers.sd_scripts:TRAINER",
    "musubi": "dgops.training.trainers.musubi:TRAINER",
    "ai-toolkit": "dgops.training.trainers.ai_toolkit:TRAINER",
}


class Trainer(Protocol):
    """What training needs of a trainer. Values in, values out: it touches no file and starts nothing.

    `architectures` are the base models that it trains, each with the roles of the model files that it takes;
    `app` is its folder's name on a host, `lock` its environment's, `gpu` whether it refuses to run without one.
    """

    name: str
    app: str
    lock: str
    gpu: bool

    @property
    def architectures(self) -> dict[str, tuple[str, ...]]:
        """Return architecture → roles of model files that a recipe must name."""

    def complaints(self, recipe: Recipe) -> Sequence[tuple[str, str]]:
        """Return what of a recipe it cannot do: the recipe's key and a sentence; every mistake at once."""

    def plan(self, recipe: Recipe, dataset: Dataset, place: Place, state: State | None = None) -> Plan:
        """Return what would run, from the beginning or from a state; a resumed run overwrites no checkpoint."""

    def progress(self, line: str) -> Progress | None:
        """Return what a state of a line says of the training; lines are cut at every CR and LF. None for others."""

    def outputs(self, recipe: Recipe, plan: Plan, written: Written) -> Outputs:
        """Sort what lies in the output folder, with absolute steps."""

    def cached(self, written: Written) -> int:
        """Return how many items of the set are cached whole, given what lies in the cache folder."""


def get(name: str) -> Trainer:
    """Return a trainer; raises UsageError with near matches for a name that is none."""
    from dgops.environments.tables import not_known

    if name not in TRAINERS:
        raise not_known("trainer", name, TRAINERS)
    module, attribute = TRAINERS[name].split(":")
    found: Trainer = getattr(importlib.import_module(module), attribute)
    return found
