"""What a recipe asks of a pod that is rented for it: environment, GPUs and their memory, as far as the recipe says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dgops.environments import locks, trainers
from dgops.environments.verdict import CPU
from dgops.jobs import recipe as scripts
from dgops.pods.wishes import Needs
from dgops.training import preview, trainer
from dgops.training import recipe as trainings
from dgops.training.prepare import Ready
from dgops.training.values import Dataset


@dataclass(frozen=True)
class Asked:
    """What a recipe asks for, and how many GPUs."""

    needs: Needs
    gpu_count: int = 1

    @property
    def words(self) -> str:
        """The same for people, empty where the recipe says nothing."""
        needs = self.needs
        found = [needs.profile] if needs.profile else []
        found += [f"{self.gpu_count} GPUs"] if self.gpu_count > 1 else []
        found += [f"{needs.vram_gib:g} GiB of GPU memory ({needs.vram_source})"] if needs.vram_gib else []
        return ", ".join(found)


def of(path: Path) -> Asked:
    """Return what a recipe asks for; raises ConfigError with every mistake in it."""
    if scripts.kind_of(path) == "train":
        return _of_training(path)
    said = scripts.load(path)
    ids = said.gpus.ids if said.gpus else ()
    count = max(ids) + 1 if ids else said.gpus.count if said.gpus else 1
    return Asked(Needs(said.environment), count)


def _of_training(path: Path) -> Asked:
    """Read off what the trainer's lock is built for and what it takes; what is trained on decides nothing of it."""
    recipe = trainings.load(path)
    chosen = trainer.get(recipe.trainer)
    profile = locks.wanted(chosen.lock).profile
    named = replace(recipe, trigger=recipe.trigger or "any")
    estimate = preview.anywhere(Ready(named, Dataset("any", 1), Path(), None, {})).plan.estimate
    least = estimate.vram_gib[0] if estimate.vram_gib else 0.0
    if profile == CPU:
        # It runs without a GPU, so any will do.
        return Asked(Needs())
    files = tuple(one.file for one in recipe.models if not one.source)
    return Asked(Needs(profile, trainers.releases(recipe.trainer), least, estimate.source, files))
