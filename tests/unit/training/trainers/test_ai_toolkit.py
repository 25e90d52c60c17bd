"""ai-toolkit: what its YAML says, and a resume that can pick no other file than the one that is meant."""

import re
import subprocess
from dataclasses import replace
from fnmatch import fnmatch

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.errors import DgopsError
from dgops.training.trainers.ai_toolkit import TRAINER, complaints, render
from dgops.training.values import Dataset, Parameters, Place, Recipe, Samples, State, Written

PARAMETERS = Parameters("adamw8bit", "constant", "bf16", 1e-4, 16, 16.0, 1024, steps=2000, save_every=250)
RECIPE = Recipe(
    "amira", "ai-toolkit", "flux", "balanced", "published/amira", "amiranoor", PARAMETERS, Samples(("a",), 250)
)
PLACE = Place("/a/ai-toolkit", "/a/python", "/d/images", "/d/out", "/m", "/c", cpus=4, torch="2.13.0+cu126")
SET = Dataset("sha256:0", 24)


def process(plan):
    (text,) = plan.files.values()
    return yaml.safe_load(text)["config"]["process"][0]


def test_configuration():
    plan = TRAINER.plan(RECIPE, SET, PLACE)
    found = process(plan)
    assert plan.steps[0].argv == ("/a/python", "/a/ai-toolkit/run.py", "/d/out/run1.yaml")
    assert found["type"] == "sd_trainer"
    assert found["training_folder"] == "/d/out/run1"
    assert found["logging"] == {"log_every": 1, "use_ui_logger": True}
    assert found["train"]["lr"] == 1e-4
    assert found["datasets"][0]["resolution"] == [512, 768, 1024]
    assert plan.steps[0].env["HF_HUB_DISABLE_XET"] == "1"
    assert plan.steps[0].env["SEED"] == "42"
    assert plan.files["run1.yaml"].startswith("# dgops 1: ai-toolkit's configuration of amira, set sha256:0\n")
    assert any("HF_TOKEN" in note for note in plan.notes)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text(text):
    assert yaml.safe_load(render({"a": [text]}, "head")) == {"a": [text]}


def test_a_key_that_nothing_reads():
    config = {"config": {"process": [{"type": "sd_trainer", "train": {"stepps": 1}, "datasets": [{"folder": "x"}]}]}}
    assert complaints(config) == ["train.stepps", "datasets.folder"]


def test_resumed_in_a_folder_with_one_checkpoint(tmp_path):
    """It goes on from the newest by a time that a copy changes: a run gets one file to choose from, and no other."""
    place = replace(PLACE, output=str(tmp_path))
    old = tmp_path / "run1/amira"
    old.mkdir(parents=True)
    for name in ("amira_000000250.safetensors", "amira_000000500.safetensors", "amira.safetensors", "optimizer.pt"):
        (old / name).write_text(name)
    plan = TRAINER.plan(RECIPE, SET, place, State(250, 10, "run1/amira/amira_000000250.safetensors", 1, 24))
    copy, train = plan.steps
    for _ in range(2):
        subprocess.run(copy.argv, check=True, timeout=10)
    assert process(plan)["training_folder"] == f"{tmp_path}/run2"
    assert train.argv[-1] == f"{tmp_path}/run2.yaml"
    assert sorted(path.name for path in (tmp_path / "run2/amira").iterdir() if fnmatch(path.name, "amira*")) == [
        "amira_000000250.safetensors"
    ]
    assert (tmp_path / "run2/amira/optimizer.pt").read_text() == "optimizer.pt"
    assert plan.lora == "run2/amira/amira.safetensors"
    # Its bar goes on at the absolute step.
    assert (plan.begin, train.begin, plan.total) == (250, 0, 2000)


def test_resumed_without_an_optimizer(tmp_path):
    (tmp_path / "run1/amira").mkdir(parents=True)
    (tmp_path / "run1/amira/amira_000000250.safetensors").write_text("x")
    state = State(250, 10, "run1/amira/amira_000000250.safetensors")
    plan = TRAINER.plan(RECIPE, SET, replace(PLACE, output=str(tmp_path)), state)
    subprocess.run(plan.steps[0].argv, check=True, timeout=10)
    assert [path.name for path in (tmp_path / "run2/amira").iterdir()] == ["amira_000000250.safetensors"]


def test_the_copy_fails_where_the_checkpoint_is_gone(tmp_path):
    state = State(250, 10, "run1/amira/amira_000000250.safetensors")
    plan = TRAINER.plan(RECIPE, SET, replace(PLACE, output=str(tmp_path)), state)
    assert subprocess.run(plan.steps[0].argv, timeout=10, capture_output=True).returncode == 1


def test_what_lies_there():
    """The last checkpoint was cut off: it is there, and could not be asked what it says of itself."""
    plan = TRAINER.plan(RECIPE, SET, PLACE)
    files = {
        "run1/amira/amira_000000250.safetensors": (9, 10.0),
        "run1/amira/amira_000000500.safetensors": (9, 20.0),
        "run1/amira/amira_000000750.safetensors": (9, 30.0),
        "run1/amira/optimizer.pt": (9, 21.0),
        "run1/amira/samples/1700000000000__000000250_0.jpg": (9, 11.0),
        "run1/amira/config.yaml": (9, 1.0),
        "run1/amira/amira_000001000.safetensors": (0, 40.0),
    }
    notes = {path: {} for path, (size, _) in files.items() if path.endswith(".safetensors") and size}
    notes |= {"run1/amira/amira_000000500.safetensors": {"training_info": '{"step": 501, "epoch": 20}'}}
    found = TRAINER.outputs(RECIPE, plan, Written(files, notes))
    assert list(found.checkpoints.values()) == [250, 501, 750]
    assert [one.step for one in found.states] == [0, 250, 501, 750]
    assert found.state.path == "run1/amira/amira_000000750.safetensors"
    assert list(found.samples.values()) == [250]
    assert found.final == ""
    files["run1/amira/amira.safetensors"] = (9, 50.0)
    assert TRAINER.outputs(RECIPE, plan, Written(files, notes)).final == ""
    notes["run1/amira/amira.safetensors"] = {}
    assert TRAINER.outputs(RECIPE, plan, Written(files, notes)).final == "run1/amira/amira.safetensors"


def test_half_a_first_checkpoint():
    """ai-toolkit would go on from it, and die of it, for ever."""
    written = Written({"run1/amira/amira_000000250.safetensors": (9, 1.0)})
    state = TRAINER.outputs(RECIPE, TRAINER.plan(RECIPE, SET, PLACE), written).state
    assert (state.step, state.path, state.runs) == (0, "", 1)
    plan = TRAINER.plan(RECIPE, SET, PLACE, state)
    assert [step.trains for step in plan.steps] == [True]
    assert process(plan)["training_folder"] == "/d/out/run2"
    assert plan.begin == 0


def test_nothing_left():
    with pytest.raises(DgopsError, match="2000 of 2000"):
        TRAINER.plan(RECIPE, SET, PLACE, State(2000, 84, "run1/amira/amira_000002000.safetensors"))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"name": "sam"}, "name"),
        ({"name": "o"}, "name"),
        ({"trigger": "a ${HOME}"}, "trigger"),
        ({"samples": Samples(("[name] on a horse",))}, "samples.prompts"),
        ({"options": {"low_vram": "true"}}, "options.low_vram"),
        ({"options": {"model.lowvram": "true"}}, "options.model.lowvram"),
        ({"options": {"train.steps": "3"}}, "options.train.steps"),
        ({"options": {"train.noise_offset": "[1"}}, "options.train.noise_offset"),
        ({"regularisation": "x"}, "regularisation"),
        ({"parameters": replace(PARAMETERS, optimizer="adem")}, "optimizer"),
    ],
)
def test_mistakes(change, key):
    assert [found for found, _ in TRAINER.complaints(replace(RECIPE, **change))] == [key]


def test_a_local_model_needs_no_token():
    plan = TRAINER.plan(replace(RECIPE, options={"model.name_or_path": "/m/FLUX.1-dev"}), SET, PLACE)
    assert process(plan)["model"]["name_or_path"] == "/m/FLUX.1-dev"
    assert plan.notes == ()
    assert re.search("24gb", plan.estimate.source)
