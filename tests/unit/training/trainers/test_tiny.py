"""tiny: what it refuses, what it plans, and which of its states are whole."""

import json
from dataclasses import replace

import pytest

from dgops.training.trainers.tiny import TRAINER, program
from dgops.training.values import Dataset, Parameters, Place, Recipe, Samples, State, Written

SAID = Parameters("adamw", "constant", "fp32", 2e-3, 8, 8.0, 32, batch_size=4, steps=60, save_every=20)
RECIPE = Recipe("a", "tiny", "tiny-unet", "balanced", "d", "amiranoor", SAID, Samples(("amiranoor",), 20))
PLACE = Place("/a/tiny", "/a/tiny/.venv/bin/python", "/d", "/o", "/m", "/c", fast_test=True)
SET = Dataset("sha256:0", 10)
STATE = ("lora.safetensors", "optimizer.pt", "train_state.json")


def config(plan):
    return next(json.loads(text) for name, text in plan.files.items() if name.startswith("tiny-"))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"optimizer": "Prodigy"}, "optimizer"),
        ({"scheduler": "linear"}, "scheduler"),
        ({"precision": "fp16"}, "precision"),
        ({"resolution": 36}, "resolution"),
        ({"resolution": 8}, "resolution"),
        ({"resolution": 512}, "resolution"),
        ({"optimizer_args": ("x=1",)}, "optimizer_args"),
    ],
)
def test_mistakes(change, key):
    assert [one for one, _ in TRAINER.complaints(replace(RECIPE, parameters=replace(SAID, **change)))] == [key]


def test_every_mistake_at_once():
    recipe = replace(RECIPE, regularisation="x", options={"a": "1"}, parameters=replace(SAID, optimizer="x"))
    assert [one for one, _ in TRAINER.complaints(recipe)] == ["optimizer", "regularisation", "options"]
    assert list(TRAINER.complaints(RECIPE)) == []


def test_it_is_run_by_its_venv_out_of_its_own_folder():
    plan = TRAINER.plan(RECIPE, SET, PLACE)
    (step,) = plan.steps
    assert step.argv == ("/a/tiny/.venv/bin/python", "-m", "tiny", "/o/tiny-00000000.json")
    assert step.env["PYTHONPATH"] == "/o/program"
    assert {f"program/tiny/{name}.py" for name in ("__main__", "network", "pictures", "record")} <= plan.files.keys()
    assert (plan.total, plan.epochs, plan.lora) == (60, 20, "a.safetensors")


@pytest.mark.parametrize(("gpus", "device"), [(0, "cpu"), (1, "cuda")])
def test_it_trains_where_the_gpu_is(gpus, device):
    found = config(TRAINER.plan(RECIPE, SET, replace(PLACE, gpus=gpus, fast_test=not gpus)))
    assert (found["device"], found["fast_test"]) == (device, not gpus)


def test_epochs_become_steps():
    plan = TRAINER.plan(replace(RECIPE, parameters=replace(SAID, steps=0, epochs=7)), SET, PLACE)
    assert (plan.total, plan.epochs) == (21, 7)


def test_resumed_it_keeps_its_total_and_the_first_runs_file():
    plan = TRAINER.plan(RECIPE, SET, PLACE, State(40, 13, "a-step00000040-state"))
    assert "tiny-00000040.json" in plan.files
    assert (plan.begin, plan.total, config(plan)["resume"]) == (40, 60, "a-step00000040-state")
    # Its bar is absolute.
    assert plan.steps[0].begin == 0
    assert plan.estimate.seconds < TRAINER.plan(RECIPE, SET, PLACE).estimate.seconds


def test_what_lies_there():
    plan = TRAINER.plan(RECIPE, SET, PLACE)
    files = {f"a-step{step:08d}-state/{name}": (9, 1.0) for step in (20, 40) for name in STATE}
    files |= {"a-step00000050-state/train_state.json": (9, 1.0), "a-step00000020.safetensors": (9, 1.0)}
    files |= {"sample/a_000020_00_42.png": (9, 1.0), "a.safetensors": (9, 1.0), "ab-step00000030.safetensors": (9, 1.0)}
    notes = {
        "a-step00000020-state/train_state.json": {"current_step": 20, "current_epoch": 6},
        "a-step00000040-state/train_state.json": {"current_step": 41, "current_epoch": 13},
        "a-step00000050-state/train_state.json": {"current_step": 50, "current_epoch": 16},
    }
    found = TRAINER.outputs(RECIPE, plan, Written(files, notes))
    # The second contradicts its name, the third was cut off.
    assert found.states == (State(20, 6, "a-step00000020-state"),)
    assert (found.checkpoints, found.samples) == ({"a-step00000020.safetensors": 20}, {"sample/a_000020_00_42.png": 20})
    assert found.final == ""
    notes["a.safetensors"] = {"ss_steps": "60"}
    assert TRAINER.outputs(RECIPE, plan, Written(files, notes)).final == "a.safetensors"


def test_the_program_is_whole_and_imports_nothing_of_dgops():
    texts = program()
    assert sorted(texts) == [
        f"program/tiny/{name}.py" for name in sorted(("__init__", "__main__", "network", "pictures", "record"))
    ]
    for name, text in texts.items():
        compile(text, name, "exec")
        assert "from dgops" not in text
        assert "import dgops" not in text


def test_its_bar_is_kohyas():
    found = TRAINER.progress("steps:  33%|#         | 20/60 [00:05<00:10,  4.00it/s, avr_loss=0.5, lr=0.002]")
    assert (found.step, found.total, found.loss, found.lr) == (20, 60, 0.5, 0.002)
    assert TRAINER.cached(Written({"x": (1, 1.0)})) == 0
