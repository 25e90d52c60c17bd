"""Where a run takes place: refused without a GPU that is needed, and with the folders of its order."""

from pathlib import Path

import pytest

from dgops.errors import DgopsError
from dgops.training import machine, scene
from dgops.training.machine import Machine
from dgops.training.order import Order
from dgops.training.teller import Teller
from dgops.training.values import Dataset, Parameters, Recipe

SAID = Parameters("adamw", "constant", "fp32", 1e-3, 4, 4.0, 32, steps=20)


def of(monkeypatch, trainer="tiny", gpus=(), mode="production", regularisation=0):
    monkeypatch.setattr(machine, "look", lambda: Machine(3, gpus, vram=24.0 if gpus else 0.0))
    recipe = Recipe("a", trainer, "tiny-unet", "quick", "d", "t", SAID)
    order = Order(recipe, Dataset("d", 4, regularisation), "/app/.venv", "/out", "/m", "/c")
    return scene.of(order, Path("/job"), mode, Teller(), lambda _line: None)


@pytest.mark.parametrize(
    ("trainer", "gpus", "mode", "words"),
    [
        ("tiny", (), "production", "FATAL: no GPU here"),
        ("tiny", (), "fast-test", ""),
        ("sd-scripts", (), "fast-test", "sd-scripts needs a GPU, in fast-test mode too"),
        ("sd-scripts", ("A",), "production", ""),
    ],
)
def test_a_gpu_where_one_is_needed(monkeypatch, trainer, gpus, mode, words):
    if not words:
        assert of(monkeypatch, trainer, gpus, mode).machine.gpus == gpus
        return
    with pytest.raises(DgopsError, match=words):
        of(monkeypatch, trainer, gpus, mode)


def test_the_place_is_the_orders_and_this_machines(monkeypatch):
    found = of(monkeypatch, gpus=("A", "B"), regularisation=2).place
    assert (found.app, found.python, found.output) == ("/app", "/app/.venv/bin/python", "/out")
    assert (found.dataset, found.regularisation) == ("/job/dataset", "/job/regularisation")
    assert (found.cpus, found.gpus, found.vram_gib, found.fast_test) == (3, 2, 24.0, False)
    assert of(monkeypatch, mode="fast-test").place.regularisation == ""
    assert of(monkeypatch, mode="fast-test").place.fast_test


def test_a_lowered_scene_keeps_its_name(monkeypatch):
    begun = of(monkeypatch, mode="fast-test")
    other = Recipe("b", "tiny", "tiny-unet", "quick", "d", "t", SAID)
    found = begun.lower(other, ("rank 8",))
    assert (found.order.recipe, found.lowered, found.run) == (other, ("rank 8",), begun.run)
    assert found.order.run != begun.run
