"""The model card: all that a LoRA was made from and on, for programs and for people."""

import json

import pytest

from dgops.training import card
from dgops.training.machine import Machine
from dgops.training.order import Order
from dgops.training.values import Dataset, Model, Parameters, Plan, Recipe, Samples

SAID = Parameters("adamw8bit", "constant", "bf16", 1e-4, 16, 8.0, 1024, steps=500)
MODELS = (Model("dit", "flux1-dev.safetensors", "ab" * 32, "hf:o/n/f"), Model("ae", "ae.safetensors"))
RECIPE = Recipe("amira", "sd-scripts", "flux", "balanced", "/d", "amiranoor", SAID, Samples(("a",)), MODELS)
FACTS = {"slug": "amira", "rights": "mine", "sources": {"a.jpg": {"file": "IMG_1.jpg", "sha256": "0" * 64}}}
ORDER = Order(RECIPE, Dataset("cd" * 32, 24), "/v", "/o", "/m", "/c", "/m/loras", FACTS)
PLAN = Plan({}, (), 500, 21, "amira.safetensors", notes=("a note",))
GPU = Machine(8, ("NVIDIA H200",), "550.54.15", 139.0)
ENDED = {"file": "amira.safetensors", "sha256": "ef" * 32, "steps": 500, "loss": 0.08123, "torch": "2.6.0"}


def spec(holds):
    attested = {"/v": {"holds": holds, "lock": "sha256:1", "findings": []}}
    return {"id": "0123abcd", "correlation": "t", "created": "2026-11-30T12:00:00Z", "attest": attested, "argv": ["x"]}


def test_it_holds_what_it_was_made_from_and_on():
    found = card.card(ORDER, PLAN, GPU, ENDED, spec(True))
    assert found["run"] == ORDER.run
    assert found["recipe"]["models"][0]["sha256"] == "ab" * 32
    assert found["dataset"] == {"digest": "cd" * 32, "images": 24, "regularisation": 0, **FACTS}
    assert found["environment"]["attested"]["holds"] is True
    assert found["machine"] == {"cpus": 8, "gpus": ("NVIDIA H200",), "driver": "550.54.15", "vram": 139.0}
    assert found["job"] == {"id": "0123abcd", "correlation": "t", "created": "2026-11-30T12:00:00Z"}
    assert (found["training"]["total"], found["training"]["notes"]) == (500, ["a note"])


def test_there_and_back_with_its_page(tmp_path):
    found = card.card(ORDER, PLAN, GPU, ENDED, spec(True))
    card.write(tmp_path, found)
    assert card.read(tmp_path) == json.loads(json.dumps(found))
    page = (tmp_path / card.PAGE).read_text()
    for words in (
        f"# {ORDER.run}",
        "| trigger | `amiranoor` |",
        "| steps | 500 of 500, 21 epochs |",
        "| loss | 0.0812 |",
        "| base model | flux1-dev.safetensors `abababababab`, ae.safetensors (sha256 not recorded) |",
        "| rights | mine |",
        "| lowered | nothing |",
        "| GPU, driver | NVIDIA H200, 550.54.15 |",
        "| venv | `/v`, as its lock says; torch 2.6.0 |",
        "![loss](loss.png)",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("job", "words"),
    [(spec(False), "drifted"), ({}, "not recorded"), ({"attest": "x"}, "not recorded"), (spec(True), "as its lock")],
)
def test_what_is_known_of_the_venv_is_said(job, words):
    page = card.page(card.card(ORDER, PLAN, GPU, ENDED, job))
    assert f"`/v`, {words}" in page


def test_what_was_lowered_is_said():
    ended = {**ENDED, "lowered": ["fp8_base true", "batch_size 1"]}
    assert "| lowered | fp8_base true; batch_size 1 |" in card.page(card.card(ORDER, PLAN, GPU, ended, spec(True)))


def test_what_nobody_recorded_is_said():
    bare = Order(RECIPE, ORDER.dataset, "/v", "/o", "/m", "/c")
    page = card.page(card.card(bare, PLAN, Machine(2), {**ENDED, "loss": None}, {}))
    assert "| loss | not recorded |" in page
    assert "| rights | not recorded |" in page
    assert "| GPU, driver | none (CPU), none |" in page


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"training": []}'])
def test_what_is_no_card_is_none(tmp_path, text):
    (tmp_path / card.NAME).write_text(text)
    assert card.read(tmp_path) is None
    assert card.read(tmp_path / "nowhere") is None
