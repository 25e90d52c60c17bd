"""Lowered one thing after the other until it fits, only where that was asked for, and kept for the next run."""

from dataclasses import replace
from pathlib import Path

import pytest

from dgops.training import ladder, lowering, trainer
from dgops.training.machine import Machine
from dgops.training.order import Order
from dgops.training.scene import Scene
from dgops.training.teller import Teller
from dgops.training.values import Dataset, Model, Parameters, Place, Recipe

SAID = Parameters("adamw8bit", "constant", "bf16", 1e-4, 16, 16.0, 1024, steps=2000)
MODELS = tuple(Model(role, f"{role}.safetensors") for role in ("dit", "vae", "text_encoder"))
RECIPE = Recipe("a", "musubi", "qwen-image", "quick", "d", "t", SAID, models=MODELS)


@pytest.fixture
def scene(tmp_path):
    """Return a scene of a run that lowers, and what it said."""
    folders = {name: str(tmp_path / name) for name in ("app", "python", "dataset", "models", "cache")}
    place = Place(**folders, output=str(tmp_path), cpus=2, gpus=1, vram_gib=80.0)
    order = Order(RECIPE, Dataset("d", 4), "/v", str(tmp_path), "/m", "/c", lower=True)
    said = []
    found = Scene(order, trainer.get("musubi"), place, tmp_path, Machine(2), Teller(), said.append, order.run)
    return found, said


def fits(lowest):
    """Return a training that is out of memory until so much is lowered."""

    def train(scene):
        if len(scene.lowered) < lowest:
            raise ladder.OutOfMemoryError("out of memory")
        return scene

    return train


@pytest.mark.parametrize("lowest", [0, 1, 2])
def test_until_it_fits(scene, lowest):
    begun, said = scene
    ended = lowering.until_it_fits(begun, fits(lowest))
    assert len(ended.lowered) == len(said) == lowest
    assert (ended.order.recipe != RECIPE, ended.run) == (lowest > 0, begun.run)
    # The next run begins where this one ended.
    again = lowering.as_before(begun)
    assert (again.order.recipe, again.lowered) == (ended.order.recipe, ended.lowered)


def test_not_where_nobody_asked_for_it(scene):
    begun, said = scene
    with pytest.raises(ladder.OutOfMemoryError):
        lowering.until_it_fits(replace(begun, order=replace(begun.order, lower=False)), fits(1))
    assert said == []
    assert not Path(begun.output, ladder.NAME).exists()


def test_the_foot_of_the_ladder_is_the_end(scene):
    begun, said = scene
    with pytest.raises(ladder.OutOfMemoryError):
        lowering.until_it_fits(begun, fits(99))
    assert len(said) == len(ladder.kept(begun.output)[1]) > 3


def test_as_it_was_asked_for_where_nothing_was_lowered(scene):
    begun, said = scene
    assert lowering.as_before(begun) is begun
    assert said == []
