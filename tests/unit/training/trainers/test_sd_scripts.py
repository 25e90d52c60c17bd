"""sd-scripts: a resumed run ends where an unbroken one ends; what lies in its folder is counted absolutely."""

import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.errors import DgopsError
from dgops.training.trainers.sd_scripts import TRAINER, lengths
from dgops.training.values import Dataset, Model, Parameters, Place, Recipe, Samples, State, Written

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PARAMETERS = Parameters("Prodigy", "constant", "bf16", 1.0, 32, 16.0, 1024, steps=2500)
RECIPE = Recipe(
    name="amira",
    trainer="sd-scripts",
    architecture="sdxl",
    preset="balanced",
    dataset="published/amira",
    trigger="amiranoor",
    parameters=PARAMETERS,
    models=(Model("checkpoint", "checkpoints/sdxl.safetensors"),),
)
PLACE = Place("/a/sd-scripts", "/a/python", "/d/images", "/d/out", "/m", "/c", "/d/others", cpus=4, torch="2.5.1+cu121")
SET = Dataset("sha256:0", 24)


def words(plan, name):
    argv = plan.steps[-1].argv
    return argv[argv.index(f"--{name}") + 1]


def loop(options, per_epoch, begin):
    """Count as the training loop of sd-scripts does: return the absolute step at the end, and its last count."""
    total = int(options.get("max_train_steps") or options["max_train_epochs"] * per_epoch)
    initial = options.get("initial_step", 0)
    assert total > initial
    first = initial // per_epoch
    count = initial - first * per_epoch
    skip, trained = count, 0
    for _ in range(first, -(-total // per_epoch)):
        for _ in range(per_epoch):
            if skip:
                skip -= 1
                continue
            count += 1
            trained += 1
            if count >= total:
                break
        if count >= total:
            break
    return begin + trained, count


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 400),
    st.integers(0, 400),
    st.sampled_from(["constant", "constant_with_warmup", "cosine", "linear"]),
    st.sampled_from(["1", "4"]),
)
def test_a_resumed_run_ends_at_the_very_step(per_epoch, steps, done, scheduler, accumulated):
    options = {"gradient_accumulation_steps": accumulated} if scheduler.startswith("constant") else {}
    recipe = replace(RECIPE, parameters=replace(PARAMETERS, steps=steps, scheduler=scheduler), options=options)
    whole = lengths(recipe, per_epoch, None)
    assert loop(whole.options, per_epoch, 0)[0] == whole.total >= steps
    begin = done % whole.total
    rest = lengths(recipe, per_epoch, State(begin, begin // per_epoch, "x", 1, per_epoch))
    end, count = loop(rest.options, per_epoch, begin)
    assert (end, rest.total) == (whole.total, whole.total)
    # The count that its last files are named by, and what their names say is to be added to it.
    assert count + rest.plus == whole.total


def test_resumed():
    """Finding 2 of the trainers: halfway by default, and the step of a resumed bar is no absolute one."""
    plan = TRAINER.plan(RECIPE, SET, PLACE, State(610, 25, "amira-step00000600-state", 2, 24))
    assert words(plan, "resume") == "/d/out/amira-step00000600-state"
    assert "--skip_until_initial_step" in plan.steps[-1].argv
    assert words(plan, "initial_step") == "10"
    assert words(plan, "max_train_steps") == str(2500 - 600)
    assert words(plan, "output_name") == "amira-run3-plus000600"
    assert plan.steps[-1].begin == plan.begin == 610
    assert (plan.total, plan.lora) == (2500, "amira-run3-plus000600.safetensors")


def test_nothing_left():
    with pytest.raises(DgopsError, match="nothing is left"):
        TRAINER.plan(RECIPE, SET, PLACE, State(2500, 104, "amira-state"))


def test_what_lies_there():
    """Named by train_state.json and by ss_steps, not by names alone; a state that was cut off is none."""
    plan = TRAINER.plan(RECIPE, SET, PLACE)
    state = "amira-step00000250-state"
    files = {
        "amira-step00000250.safetensors": (9, 1.0),
        f"{state}/train_state.json": (9, 1.0),
        f"{state}/random_states_0.pkl": (9, 1.0),
        "amira-step00000500.safetensors": (9, 2.0),
        "amira-step00000500-state/model.safetensors": (9, 2.0),
        "amira-run2-plus000240-step00000260.safetensors": (9, 3.0),
        "amira-run2-plus000240-step00000260-state/random_states_0.pkl": (9, 3.0),
        "amira-run2-plus000240.safetensors": (9, 4.0),
        "sample/amira_000250_00_20261130120000_42.png": (9, 1.0),
        "sample/amira-run2-plus000240_000260_01_20261130120000.png": (9, 1.0),
        "sample/amira_e000002_00_20261130120000_42.png": (9, 1.0),
        "amirah-step00000900.safetensors": (9, 1.0),
        "amira-step00000750.safetensors": (0, 5.0),
        "dataset.toml": (9, 1.0),
    }
    notes = {
        **{path: {} for path, (size, _) in files.items() if path.endswith(".safetensors") and size},
        f"{state}/train_state.json": {"current_epoch": 11, "current_step": 250},
        "amira-step00000250.safetensors": {"ss_num_batches_per_epoch": "24", "ss_steps": "250"},
        "amira-run2-plus000240.safetensors": {"ss_steps": "2260"},
    }
    found = TRAINER.outputs(RECIPE, plan, Written(files, notes))
    assert found.checkpoints == {
        "amira-step00000250.safetensors": 250,
        "amira-step00000500.safetensors": 500,
        "amira-run2-plus000240-step00000260.safetensors": 500,
        "amira-run2-plus000240.safetensors": 2500,
    }
    assert [(one.step, one.epoch, one.runs, one.per_epoch) for one in found.states] == [
        (250, 10, 2, 24),
        (500, 20, 2, 24),
    ]
    assert found.state == State(500, 20, "amira-run2-plus000240-step00000260-state", 2, 24)
    assert sorted(found.samples.values()) == [48, 250, 500]
    assert found.final == "amira-run2-plus000240.safetensors"
    del notes["amira-run2-plus000240.safetensors"]
    assert TRAINER.outputs(RECIPE, plan, Written(files, notes)).final == ""


def test_killed_between_the_last_state_and_the_last_file():
    """Nothing would be left to train from that state, and the file that was to come is not there."""
    plan = TRAINER.plan(RECIPE, SET, PLACE)
    files = {f"amira{name}-state/random_states_0.pkl": (9, 1.0) for name in ("-step00002250", "")}
    found = TRAINER.outputs(RECIPE, plan, Written(files, {"amira-state/train_state.json": {"current_step": 2500}}))
    assert found.state.path == "amira-step00002250-state"
    assert found.final == ""


def test_flux_needs_a_newer_torch():
    recipe = replace(
        RECIPE,
        architecture="flux",
        parameters=replace(PARAMETERS, optimizer="adamw8bit"),
        models=tuple(Model(role, f"{role}.safetensors") for role in TRAINER.architectures["flux"]),
    )
    with pytest.raises(DgopsError, match=r"v0\.10\.1.*2\.6\.0") as caught:
        TRAINER.plan(recipe, SET, PLACE)
    assert "ai-toolkit" in caught.value.hint
    assert (
        TRAINER.plan(recipe, SET, replace(PLACE, torch="2.6.0+cu124"))
        .steps[0]
        .argv[1]
        .endswith("flux_train_network.py")
    )


def test_xformers_only_where_it_can_be_imported():
    recipe = replace(RECIPE, options={"xformers": "true"})
    with pytest.raises(DgopsError, match="xformers"):
        TRAINER.plan(recipe, SET, PLACE)
    argv = TRAINER.plan(recipe, SET, replace(PLACE, xformers=True)).steps[0].argv
    assert "--xformers" in argv
    assert "--sdpa" not in argv


def test_regularisation():
    """They are as many as the images of an epoch, and none is left over."""
    recipe = replace(RECIPE, regularisation="published/woman", class_word="a woman")
    plan = TRAINER.plan(recipe, replace(SET, regularisation=100), PLACE)
    subsets = tomllib.loads(plan.files["dataset.toml"])["datasets"][0]["subsets"]
    assert [one["num_repeats"] for one in subsets] == [5, 1]
    assert subsets[1] == {"image_dir": "/d/others", "class_tokens": "a woman", "num_repeats": 1, "is_reg": True}
    # An epoch is twice as long: 24 × 5 × 2.
    assert plan.epochs == -(-2500 // 240)
    few = TRAINER.plan(replace(recipe, options={"num_repeats": "1"}), replace(SET, regularisation=100), PLACE)
    assert "76 regularisation images are left over: raise options.num_repeats" in few.notes


def test_samples_at_the_end():
    recipe = replace(RECIPE, samples=Samples(("a",), 300))
    assert "no samples at the end: 2500 steps are no multiple of 300" in TRAINER.plan(recipe, SET, PLACE).notes
    assert words(TRAINER.plan(replace(recipe, samples=Samples(("a",))), SET, PLACE), "sample_every_n_steps") == "2500"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"parameters": replace(PARAMETERS, optimizer="Adem")}, "optimizer"),
        ({"parameters": replace(PARAMETERS, learning_rate=1e-4)}, "learning_rate"),
        ({"parameters": replace(PARAMETERS, scheduler="always")}, "scheduler"),
        ({"parameters": replace(PARAMETERS, precision="fp8")}, "precision"),
        ({"parameters": replace(PARAMETERS, optimizer_args=("decouple",))}, "optimizer_args"),
        ({"options": {"min_snr_gama": "5"}}, "options.min_snr_gama"),
        ({"options": {"output_dir": "/"}}, "options.output_dir"),
        ({"options": {"min_snr_gamma": "five"}}, "options.min_snr_gamma"),
        ({"options": {"sdpa": "true", "xformers": "true"}}, "options.xformers"),
        ({"options": {"random_crop": "true"}}, "options.random_crop"),
        ({"options": {"text_encoder_lr1": "1e-5"}}, "options.text_encoder_lr1"),
        (
            {"options": {"max_data_loader_n_workers": "0", "persistent_data_loader_workers": "true"}},
            "options.persistent_data_loader_workers",
        ),
        ({"options": {"cache_text_encoder_outputs": "true"}}, "options.cache_text_encoder_outputs"),
        ({"options": {"flip_aug": "1"}}, "options"),
        ({"options": {"caption_dropout_rate": "often"}}, "options"),
        ({"name": "a/b"}, "name"),
        ({"regularisation": "published/woman"}, "class_word"),
    ],
)
def test_mistakes(change, key):
    assert [found for found, _ in TRAINER.complaints(replace(RECIPE, **change))] == [key]


def test_captions_that_change_are_not_cached():
    """The real script asserts it, once its models are loaded."""
    flux = replace(RECIPE, architecture="flux", parameters=replace(PARAMETERS, optimizer="adamw8bit"))
    for key, value in (("shuffle_caption", "true"), ("caption_dropout_rate", "0.1")):
        assert [found for found, _ in TRAINER.complaints(replace(flux, options={key: value}))] == [f"options.{key}"]
        assert list(TRAINER.complaints(replace(RECIPE, options={key: value}))) == []
    assert list(TRAINER.complaints(replace(flux, options={"caption_dropout_rate": "0"}))) == []


def test_every_mistake_at_once():
    recipe = replace(RECIPE, name="a b", parameters=replace(PARAMETERS, precision="x"), options={"a": "1", "b": "2"})
    assert [key for key, _ in TRAINER.complaints(recipe)] == ["name", "precision", "options.a", "options.b"]
