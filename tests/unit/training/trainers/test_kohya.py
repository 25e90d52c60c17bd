"""What sd-scripts and musubi-tuner name and write: read to absolute steps, whatever else lies in the folder."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.training.trainers import kohya
from dgops.training.values import Parameters, Place, Plan, Recipe, Samples, State, Written

SAID = Parameters("adamw8bit", "constant", "bf16", 1e-4, 8, 8.0, 512, steps=100)
RECIPE = Recipe("a.b", "musubi", "qwen-image", "quick", "d", "t", SAID, Samples(("--w 64 # x",), 10, 7))
PLAN = Plan({}, (), 100, 10, "a.b.safetensors")


def sorted_out(*names, notes=(), size=9):
    said = {name: {} for name in names if name.endswith(".safetensors")} | dict(notes)
    return kohya.outputs(RECIPE, PLAN, Written(dict.fromkeys(names, (size, 1.0)), said))


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("a.b-000004.safetensors", 40),
        ("a.b-step00000025.safetensors", 25),
        ("a.b.safetensors", 100),
        ("a.b-run2-plus000040-000004.safetensors", 80),
        ("a.b-run2-plus000040-step00000025.safetensors", 65),
        ("a.b-run12-plus000040.safetensors", 100),
        ("axb-000004.safetensors", None),
        ("a.b-4.safetensors", None),
        ("a.b-run2-000004.safetensors", None),
        ("a.bc.safetensors", None),
        ("deep/a.b-000004.safetensors", None),
    ],
)
def test_checkpoints(name, step):
    assert sorted_out(name).checkpoints == ({} if step is None else {name: step})


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("sample/a.b_e000002_00_20261130120000_42.png", 20),
        ("sample/a.b_000025_01_20261130120000.png", 25),
        ("sample/a.b-run2-plus000040_000025_01_20261130120000_42_000.mp4", 65),
        ("sample/a.b_000025_01_20261130120000.txt", None),
        ("sample/other_000025_01_20261130120000.png", None),
    ],
)
def test_samples(name, step):
    assert sorted_out(name).samples == ({} if step is None else {name: step})


def test_a_state_counts_when_its_last_file_is_there():
    assert sorted_out("a.b-000004-state/optimizer.bin").state is None
    found = sorted_out("a.b-000004-state/random_states_0.pkl", "a.b-000002-state/random_states_0.pkl")
    assert [one.step for one in found.states] == [20, 40]
    assert found.state == State(40, 4, "a.b-000004-state", 1, 10)
    assert sorted_out("a.b-000004-state/random_states_0.pkl", size=0).state is None


def test_what_a_file_says_of_itself_outranks_its_name():
    notes = {
        "a.b-000004.safetensors": {
            "ss_steps": "48",
            "ss_num_batches_per_epoch": "24",
            "ss_gradient_accumulation_steps": "2",
        },
        "a.b-step00000025-state/train_state.json": {"current_step": 26},
    }
    found = sorted_out("a.b-000004.safetensors", "a.b-step00000025-state/random_states_0.pkl", notes=notes)
    assert found.checkpoints == {"a.b-000004.safetensors": 48}
    # An epoch has 24 batches, of which two make a step.
    assert (found.state.step, found.state.per_epoch) == (26, 12)


def test_a_state_at_the_very_end_is_none_to_go_on_from():
    assert sorted_out("a.b-state/random_states_0.pkl").state is None


def test_runs_are_counted_by_any_of_their_files():
    found = sorted_out("a.b-000004-state/random_states_0.pkl", "sample/a.b-run3-plus000040_000001_00_x.png")
    assert found.state.runs == 3
    assert kohya.run_name("a.b", found.state, 40) == "a.b-run4-plus000040"
    assert kohya.run_name("a.b", None, 0) == "a.b"


def test_the_newest_run_has_the_final_file():
    found = sorted_out("a.b.safetensors", "a.b-run10-plus000040.safetensors", "a.b-run2-plus000020.safetensors")
    assert found.final == "a.b-run10-plus000040.safetensors"
    assert kohya.outputs(RECIPE, PLAN, Written({"a.b.safetensors": (9, 1.0)})).final == ""


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.integers(0, 30), st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_a_run_is_called_is_read_back(runs, plus, step):
    state = State(plus, 0, "x", runs) if runs else None
    name = kohya.run_name("a.b", state, plus)
    found = sorted_out(f"{name}-step{step:08d}.safetensors")
    assert list(found.checkpoints.values()) == [step + (plus if runs else 0)]


@pytest.mark.parametrize(
    ("cpus", "options", "count", "persistent"),
    [
        (1, {}, 0, False),
        (2, {}, 1, True),
        (64, {}, 2, True),
        (8, {"max_data_loader_n_workers": "0"}, 0, False),
        (1, {"max_data_loader_n_workers": "4"}, 4, True),
        (1, {"persistent_data_loader_workers": "true"}, 1, True),
    ],
)
def test_workers(cpus, options, count, persistent):
    recipe = Recipe("a", "musubi", "qwen-image", "quick", "d", "t", SAID, options=options)
    place = Place("/a", "/p", "/d", "/o", "/m", "/c", cpus=cpus)
    assert kohya.workers(recipe, place) == {
        "max_data_loader_n_workers": count,
        "persistent_data_loader_workers": persistent,
    }


def test_a_prompt_is_text_and_no_options():
    """A line of text would read `--w` and `#` as its own."""
    (found,) = json.loads(kohya.prompts(RECIPE, {"scale": 7.0}))
    assert found == {"prompt": "--w 64 # x", "width": 512, "height": 512, "seed": 7, "sample_steps": 20, "scale": 7.0}


@pytest.mark.parametrize(("batch", "items", "steps"), [(1, 7, 7), (2, 7, 4), (4, 0, 1), (0, 7, 7)])
def test_an_epoch_ends_with_a_batch_that_is_not_full(batch, items, steps):
    assert kohya.per_epoch(Parameters("x", "x", "x", 1.0, 1, 1.0, 64, batch_size=batch), items) == steps
