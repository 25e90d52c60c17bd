"""Memory: the fastest setting that fits, and a ladder that ends."""

from dataclasses import replace

import pytest

from dgops.training import memory
from dgops.training.memory import SETTINGS, lower, setting
from dgops.training.trainer import get
from dgops.training.values import Parameters, Recipe

PARAMETERS = Parameters("AdamW", "constant", "bf16", 1e-4, 32, 32.0, 1024, batch_size=4, steps=100)


def recipe(trainer, architecture, **options):
    return Recipe("a", trainer, architecture, "quick", "d", "t", PARAMETERS, options=options)


@pytest.mark.parametrize("key", SETTINGS, ids=" ".join)
def test_options_are_the_trainers(key):
    for one in SETTINGS[key]:
        found = get(key[0]).complaints(recipe(*key, **one.options))
        assert [name for name, _ in found if name.startswith("options.") and "control" not in name] == []


@pytest.mark.parametrize("key", SETTINGS, ids=" ".join)
def test_the_ladder_ends(key):
    rungs, now = [], recipe(*key)
    while found := lower(now, 80.0):
        now, said = found
        rungs.append(said)
        assert len(rungs) < 20
    assert len(rungs) == len(set(rungs))
    assert (now.parameters.batch_size, now.parameters.resolution, now.parameters.rank) == (1, 512, 8)
    assert now.parameters.alpha == 8.0
    assert lower(now, 80.0) is None


def test_what_only_costs_time_comes_first():
    now, said = recipe("musubi", "qwen-image"), []
    while found := lower(now, 80.0):
        now = found[0]
        said.append(found[1])
    assert said == [
        "fp8_base true, fp8_scaled true",
        "fp8_base true, fp8_scaled true, blocks_to_swap 16",
        "fp8_base true, fp8_scaled true, blocks_to_swap 45",
        "batch_size 2",
        "batch_size 1",
        "optimizer AdamW8bit",
        "resolution 768",
        "resolution 512",
        "rank 16",
        "rank 8",
    ]


def test_it_begins_where_the_gpu_is():
    assert lower(recipe("musubi", "qwen-image"), 24.0)[1].endswith("blocks_to_swap 45")


def test_a_recipes_own_options_stand():
    own = recipe("musubi", "qwen-image", blocks_to_swap="30", fp8_base="true")
    assert setting(own, 80.0).options == {}
    assert lower(own, 80.0)[0].options["blocks_to_swap"] == "45"


def test_what_nobody_measured_is_said():
    assert memory.estimate(setting(recipe("musubi", "z-image"), 24.0)).vram_gib is None
    assert "nobody measured it" in memory.estimate(setting(recipe("sd-scripts", "sdxl"), 24.0)).source


def test_an_unknown_architecture_has_no_setting():
    assert setting(replace(recipe("tiny", "tiny-unet")), 4.0).options == {}
