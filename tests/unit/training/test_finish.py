"""The end of a training: curve, LoRA and card in one folder, the card last, and what is missing told."""

import json
from dataclasses import replace

import pytest

from dgops.files import digest_bytes
from dgops.training import card, curve, finish, results, trainer
from dgops.training.machine import Machine
from dgops.training.order import Order
from dgops.training.scene import Scene
from dgops.training.teller import Teller
from dgops.training.values import Dataset, Outputs, Parameters, Place, Plan, Recipe, Samples

SAID = Parameters("adamw", "constant", "fp32", 1e-3, 4, 4.0, 32, steps=2)
RECIPE = Recipe("a", "tiny", "tiny-unet", "quick", "d", "t", SAID, Samples(("t",)))
PLAN = Plan({}, (), 2, 1, "a.safetensors")
FOUND = Outputs({}, {"sample/a.png": 2}, final="a.safetensors")


@pytest.fixture
def scene(tmp_path):
    """Return a scene whose training has just ended, and what it says."""
    output = tmp_path / "out"
    (output / "sample").mkdir(parents=True)
    (output / "a.safetensors").write_bytes(b"lora")
    (output / "sample/a.png").write_bytes(b"picture")
    (output / curve.METRICS).write_text("".join(f'{{"step": {one}, "loss": {1 / one}}}\n' for one in (1, 2)))
    folders = {name: str(tmp_path / name) for name in ("app", "python", "dataset", "models", "cache")}
    order = Order(RECIPE, Dataset("d", 4), "/v", str(output), "/m", "/c", loras=str(tmp_path / "loras"))
    place, said = Place(**folders, output=str(output), torch="2.5.1"), []
    found = Scene(order, trainer.get("tiny"), place, output, Machine(2), Teller(), said.append, order.run, ("rank 8",))
    return found, said


def test_all_of_it_is_in_one_folder_and_in_the_card(scene, tmp_path):
    made, said = scene
    found = finish.finish(made, PLAN, FOUND, 1.24)
    folder = made.output / results.FOLDER
    assert {one.name for one in folder.iterdir()} == {"samples", "loss.png", "metrics.jsonl", "card.json", "README.md"}
    there = tmp_path / f"loras/{made.run}.safetensors"
    assert there.read_bytes() == b"lora"
    assert found["training"] == {
        "file": "a.safetensors",
        "sha256": digest_bytes(b"lora"),
        "steps": 2,
        "begun_at": 0,
        "loss": 0.5,
        "seconds": 1.2,
        "comfyui": str(there),
        "torch": "2.5.1",
        "lowered": ["rank 8"],
        "total": 2,
        "epochs": 1,
        "notes": [],
    }
    assert card.read(folder) == json.loads(json.dumps(found))
    assert said == []


def test_without_comfyui_the_digest_is_the_files(scene, tmp_path):
    made, _ = scene
    found = finish.finish(replace(made, order=replace(made.order, loras="")), PLAN, FOUND, 1.0)
    assert (found["training"]["sha256"], found["training"]["comfyui"]) == (digest_bytes(b"lora"), "")
    assert not (tmp_path / "loras").exists()


def test_samples_that_were_asked_for_and_are_not_there_are_told(scene):
    made, said = scene
    finish.finish(made, PLAN, replace(FOUND, samples={}), 1.0)
    assert said == ["no sample was written, and some were asked for: its log may say why"]


@pytest.mark.parametrize(("text", "known"), [(None, None), ("[]", None), ('{"id": "3df831ae"}', "3df831ae")])
def test_the_card_names_the_job_where_it_is_one(scene, tmp_path, monkeypatch, text, known):
    made, _ = scene
    monkeypatch.setenv("DGOPS_JOB_DIR", str(tmp_path))
    if text:
        (tmp_path / "spec.json").write_text(text)
    assert finish.finish(made, PLAN, FOUND, 1.0)["job"]["id"] == known
