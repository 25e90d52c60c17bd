"""The ladder: what only costs time at any moment, what costs quality before the first state, nothing unasked."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from dgops.errors import DgopsError
from dgops.training import ladder, machine, run
from dgops.training.order import Order
from dgops.training.teller import Teller
from dgops.training.values import Dataset, Model, Parameters, Recipe

SAID = Parameters("adamw8bit", "constant", "bf16", 1e-4, 16, 16.0, 1024, batch_size=2, steps=2000)
MODELS = tuple(Model(role, f"{role}.safetensors") for role in ("dit", "vae", "text_encoder"))
QWEN = Recipe("a", "musubi", "qwen-image", "quick", "d", "t", SAID, models=MODELS)
TINY = Path(__file__).parents[3] / ".venv/tiny"
# Address space for a step on 32 pictures of 32 x 32, which take 1.7 GB in all, and not for one on 64: those take 2.5.
LIMITED = f'#!/bin/sh\nulimit -v 2100000\nexec {TINY}/bin/python "$@"\n'
FOOT = {"fp8_base": "true", "fp8_scaled": "true", "blocks_to_swap": "45"}


def rungs(recipe, vram, begun):
    found = []
    while step := ladder.below(recipe, vram, begun):
        recipe, words = step
        found.append(words)
    return found


def test_all_of_it_before_the_first_state():
    assert rungs(QWEN, 80.0, begun=False) == [
        "fp8_base true, fp8_scaled true",
        "fp8_base true, fp8_scaled true, blocks_to_swap 16",
        "fp8_base true, fp8_scaled true, blocks_to_swap 45",
        "batch_size 1",
        "resolution 768",
        "resolution 512",
        "rank 8",
    ]


def test_only_what_costs_time_once_it_has_begun():
    assert len(rungs(QWEN, 80.0, begun=True)) == 3
    assert rungs(replace(QWEN, options=FOOT), 80.0, begun=True) == []


def test_what_the_trainer_would_refuse_is_no_rung():
    """tiny knows no other optimizer."""
    said = Parameters("adamw", "constant", "fp32", 1e-3, 16, 16.0, 64, steps=20)
    assert rungs(Recipe("a", "tiny", "tiny-unet", "quick", "d", "t", said), 0.0, begun=False) == []


def test_the_next_one_is_named():
    assert ladder.hint(QWEN, 80.0).startswith("next to lower in the recipe: fp8_base true, fp8_scaled true; ")
    last = replace(QWEN, options=FOOT, parameters=replace(SAID, batch_size=1, resolution=512, rank=8))
    assert ladder.hint(last, 80.0) == "nothing is left to lower: take a larger GPU"


def test_what_was_lowered_is_known_to_the_next_run(tmp_path):
    assert ladder.kept(tmp_path) is None
    recipe, words = ladder.below(QWEN, 80.0, begun=False)
    ladder.keep(tmp_path, recipe, (words,))
    assert ladder.kept(tmp_path) == (recipe, (words,))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"lowered": [], "recipe": {}}'])
def test_rubbish_says_what_to_do(tmp_path, text):
    (tmp_path / ladder.NAME).write_text(text)
    with pytest.raises(DgopsError, match=r"lowered\.json") as caught:
        ladder.kept(tmp_path)
    assert "move it aside" in caught.value.hint


@pytest.mark.skipif(not TINY.exists(), reason="no .venv/tiny: no CPU build of torch in a folder of PIP_FIND_LINKS")
def test_the_real_trainer_is_lowered_until_its_memory_is_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "look", lambda: machine.Machine(1))
    python = tmp_path / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(LIMITED)
    python.chmod(0o755)
    (tmp_path / "dataset").mkdir()
    for number in range(64):
        Image.new("RGB", (32, 32), (4 * number, 0, 0)).save(tmp_path / f"dataset/{number}.png")
        (tmp_path / f"dataset/{number}.txt").write_text("t")
    said = Parameters("adamw", "constant", "fp32", 1e-3, 4, 4.0, 32, batch_size=64, steps=1)
    recipe = Recipe("a", "tiny", "tiny-unet", "quick", "d", "t", said)
    folders = [str(tmp_path / name) for name in ("out", "models", "cache")]
    order = Order(recipe, Dataset("d" * 64, 64), str(tmp_path / "venv"), *folders, lower=True)
    card = run.train(order, tmp_path, "fast-test", Teller(), lambda _line: None)
    assert card["training"]["lowered"] == ["batch_size 32"]
    assert json.loads((tmp_path / "out/tiny-00000000.json").read_text())["batch_size"] == 32
    assert (tmp_path / "out/results/a.safetensors").is_file()
