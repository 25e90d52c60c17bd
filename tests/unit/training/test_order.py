"""An order there and back as JSON; a run's name says what decides it, and nothing else."""

import json
from dataclasses import replace

import pytest

from dgops.errors import UsageError
from dgops.training import order as orders
from dgops.training.order import Order, run_name
from dgops.training.values import Dataset, Model, Parameters, Recipe, Samples

PARAMETERS = Parameters("Prodigy", "constant", "bf16", 1.0, 32, 16.0, 1024, steps=2500, optimizer_args=("d0=0.0001",))
RECIPE = Recipe(
    name="amira",
    trainer="sd-scripts",
    architecture="sdxl",
    preset="balanced",
    dataset="/home/me/outputs/amira",
    trigger="amiranoor",
    parameters=PARAMETERS,
    samples=Samples(("amiranoor, 日本",), 250, 7),
    models=(Model("checkpoint", "sdxl.safetensors", "0" * 64, "https://example.org/sdxl.safetensors"),),
    regularisation="/home/me/outputs/woman",
    class_word="a woman",
    options={"num_repeats": "4"},
)
SET = Dataset("sha256:0", 24, 100)
ORDER = Order(RECIPE, SET, "/v", "/o", "/m", "/c", "/m/loras", {"slug": "amira", "rights": "mine"})


def test_there_and_back(tmp_path):
    path = tmp_path / "training.json"
    path.write_text(json.dumps(orders.to_json(ORDER)))
    found = orders.read(path)
    assert found == ORDER
    assert found.run == ORDER.run == run_name(RECIPE, SET)


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "/elsewhere/amira"},
        {"regularisation": "/elsewhere/woman"},
        {"models": (replace(RECIPE.models[0], source="hf:owner/name/sdxl.safetensors"),)},
    ],
)
def test_where_things_lie_changes_no_run(change):
    assert run_name(replace(RECIPE, **change), SET) == ORDER.run


@pytest.mark.parametrize(
    "change",
    [
        {"trigger": "amira"},
        {"regularisation": ""},
        {"options": {}},
        {"samples": Samples()},
        {"parameters": replace(PARAMETERS, seed=43)},
        {"models": (replace(RECIPE.models[0], sha256="1" * 64),)},
    ],
)
def test_what_decides_a_training_changes_its_run(change):
    changed = run_name(replace(RECIPE, **change), SET)
    assert changed != ORDER.run
    assert changed.startswith("amira-")


def test_another_set_is_another_run():
    assert run_name(RECIPE, replace(SET, digest="sha256:1")) != ORDER.run


def spoilt(change):
    body = json.loads(json.dumps(orders.to_json(ORDER)))
    change(body)
    return json.dumps(body)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no training that this dgops planned"),
        ("[]", "no training that this dgops planned"),
        (spoilt(lambda body: body.update(version=99)), "version 99, this dgops reads 1"),
        (spoilt(lambda body: body.pop("venv")), "venv"),
        (spoilt(lambda body: body["recipe"].pop("parameters")), "parameters"),
        (spoilt(lambda body: body["recipe"].update(shape="round")), "shape"),
    ],
)
def test_what_is_no_order_is_refused_with_its_path(tmp_path, text, words):
    path = tmp_path / "training.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"training\.json") as caught:
        orders.read(path)
    assert words in caught.value.message
    assert caught.value.exit_code == 2


def test_one_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        orders.read(tmp_path / "training.json")
