"""The recipes that dgops carries, with each preset: read without a mistake, and taken by the parsers they are for."""

import re
from dataclasses import replace

import pytest
import yaml

from dgops.environments import tables
from dgops.training import presets, recipe
from dgops.training.options import parser
from dgops.training.trainer import get
from dgops.training.trainers import ai_toolkit
from dgops.training.values import Dataset, Place

PATHS = sorted(tables.folder("recipes").glob("*.yml"))
PLACE = Place("/a", "/a/python", "/d/images", "/d/out", "/m", "/c", "/d/others", cpus=8, gpus=1, vram_gib=24.0)
TORCH = {"sd-scripts": ("2.6.0+cu124", "sd-scripts-v0.10.1"), "musubi": ("2.5.1+cu121", "musubi-v0.3.4")}


@pytest.mark.parametrize("preset", presets.NAMES)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_recipe(path, preset):
    text = re.sub(r"^preset: .*$", f"preset: {preset}", path.read_text(), flags=re.MULTILINE)
    found = replace(recipe.parse(text, path), trigger="amiranoor", dataset="/d")
    assert found.preset == preset
    torch, table = TORCH.get(found.trainer, ("", ""))
    plan = get(found.trainer).plan(found, Dataset("sha256:0", 24), replace(PLACE, torch=torch))
    for step in plan.steps:
        if table:
            assert parser(table, step.argv[1].rpartition("/")[2]).complaints(step.argv[2:]) == []
    for name, one in plan.files.items():
        if name.endswith(".yaml"):
            assert ai_toolkit.complaints(yaml.safe_load(one)) == []


def test_every_trainer_and_architecture_has_one():
    found = {(one.trainer, one.architecture) for one in map(recipe.load, PATHS)}
    assert found == {(name, one) for name in TORCH.keys() | {"tiny", "ai-toolkit"} for one in get(name).architectures}


def test_sdxl_is_what_was_asked_for():
    plan = get("sd-scripts").plan(
        recipe.load(tables.folder("recipes") / "sdxl.yml"), Dataset("x", 24), replace(PLACE, torch="2.5.1+cu121")
    )
    line = " ".join(plan.steps[0].argv)
    assert plan.total == 2500
    for words in (
        "--optimizer_type prodigy",
        "--max_train_steps 2500",
        "--min_snr_gamma 5",
        "--gradient_checkpointing",
        "--sdpa",
    ):
        assert words in line
    assert "--xformers" not in line
