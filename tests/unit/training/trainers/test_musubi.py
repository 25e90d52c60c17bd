"""musubi-tuner: cached whole before it trains; resumed by the epochs that are left, under another name."""

import sys
from dataclasses import replace

import pytest

from dgops.errors import DgopsError
from dgops.training.trainers.musubi import TRAINER
from dgops.training.values import Dataset, Model, Parameters, Place, Recipe, State, Written

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PARAMETERS = Parameters("adamw8bit", "constant", "bf16", 5e-5, 16, 16.0, 1024, steps=2000, save_every=250)
RECIPE = Recipe(
    name="amira",
    trainer="musubi",
    architecture="qwen-image",
    preset="balanced",
    dataset="published/amira",
    trigger="amiranoor",
    parameters=PARAMETERS,
    models=tuple(Model(role, f"{role}.safetensors") for role in ("dit", "vae", "text_encoder")),
)
PLACE = Place("/a/musubi-tuner", "/a/python", "/d/images", "/d/out", "/m", "/c/amira", cpus=4, torch="2.5.1+cu121")
SET = Dataset("sha256:0", 24)


def words(step, name):
    return step.argv[step.argv.index(f"--{name}") + 1]


def test_three_programs():
    plan = TRAINER.plan(RECIPE, SET, PLACE)
    assert [step.title for step in plan.steps] == ["cache latents", "cache texts", "train amira"]
    assert [step.pairs for step in plan.steps] == [0, 24, 0]
    assert [step.trains for step in plan.steps] == [False, False, True]
    assert words(plan.steps[0], "vae") == "/m/vae.safetensors"
    assert words(plan.steps[1], "text_encoder") == "/m/text_encoder.safetensors"
    assert [words(step, "model_version") for step in plan.steps] == ["original"] * 3


def test_a_cache_of_its_own():
    """musubi-tuner deletes from a shared cache what is none of this set's."""
    config = tomllib.loads(TRAINER.plan(RECIPE, SET, PLACE).files["dataset.toml"])
    assert config["datasets"] == [{"image_directory": "/d/images", "cache_directory": "/c/amira"}]


def test_the_header_says_what_made_it():
    assert TRAINER.plan(RECIPE, SET, PLACE).files["dataset.toml"].startswith("# dgops 1: musubi-tuner v0.3.4's dataset")


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 0),
        ({"a_1024x1024_qi.safetensors": 9, "a_qi_te.safetensors": 9}, 1),
        ({"a_1024x1024_qi.safetensors": 9}, 0),
        ({"a_qi_te.safetensors": 9}, 0),
        ({"a_1024x1024_qi.safetensors": 9, "a_qi_te.safetensors": 0}, 0),
        ({"a_1024x1024_qi.safetensors": 9, "a_wan_te.safetensors": 9}, 0),
        ({"a_1024x1024_qi.safetensors": 9, "a_0512x0512_qi.safetensors": 9, "a_qi_te.safetensors": 9}, 1),
        ({"my_0001_1024x0768_qi.safetensors": 9, "my_0001_qi_te.safetensors": 9}, 1),
        ({"a_1024x1024_qi.safetensors": 9, "a_qi_te.safetensors": 9, "b_1024x1024_qi.safetensors": 9}, 1),
    ],
)
def test_pairs(files, count):
    """It trains in silence on the items that are cached whole, or dies with num_samples=0."""
    assert TRAINER.cached(Written({path: (size, 1.0) for path, size in files.items()})) == count


def test_resumed():
    """Finding 1 of the trainers: --resume restarts the count, trains it all again and writes over the first files."""
    first = TRAINER.plan(RECIPE, SET, PLACE)
    assert (first.epochs, first.total) == (84, 2016)
    plan = TRAINER.plan(RECIPE, SET, PLACE, State(480, 20, "amira-000020-state", 1, 24))
    train = plan.steps[-1]
    assert words(train, "resume") == "/d/out/amira-000020-state"
    assert words(train, "max_train_epochs") == "64"
    assert words(train, "output_name") == "amira-run2-plus000480"
    assert (plan.begin, plan.steps[-1].begin, plan.total) == (480, 480, 2016)
    third = TRAINER.plan(RECIPE, SET, PLACE, State(480, 20, "amira-000020-state", 2, 24))
    assert words(third.steps[-1], "output_name") == "amira-run3-plus000480"


def test_nothing_left():
    with pytest.raises(DgopsError, match="84 of 84 epochs"):
        TRAINER.plan(RECIPE, SET, PLACE, State(2016, 84, "amira-000084-state", 1, 24))


def test_what_lies_there():
    plan = TRAINER.plan(RECIPE, SET, PLACE)
    files = {
        "amira-000010.safetensors": (9, 1.0),
        "amira-000010-state/random_states_0.pkl": (9, 1.0),
        "amira-run2-plus000240-000010.safetensors": (9, 2.0),
        "amira-run2-plus000240-000010-state/random_states_0.pkl": (9, 2.0),
        "amira-run2-plus000240-000020-state/optimizer.bin": (9, 3.0),
        "amira.safetensors": (9, 4.0),
        "sample/amira_e000010_00_20261130120000_42_000.png": (9, 1.0),
        "sample/amira-run2-plus000240_e000010_00_20261130120000_42.mp4": (9, 1.0),
    }
    notes = {path: {} for path in files if path.endswith(".safetensors")}
    notes["amira-000010.safetensors"] = {"ss_steps": "240", "ss_num_batches_per_epoch": "24"}
    found = TRAINER.outputs(RECIPE, plan, Written(files, notes))
    assert found.checkpoints == {
        "amira-000010.safetensors": 240,
        "amira-run2-plus000240-000010.safetensors": 480,
        "amira.safetensors": 2016,
    }
    assert found.state == State(480, 20, "amira-run2-plus000240-000010-state", 2, 24)
    assert sorted(found.samples.values()) == [240, 480]
    assert found.final == "amira.safetensors"


def test_it_says_what_it_cannot_do():
    recipe = replace(RECIPE, architecture="flux-kontext", regularisation="x", options={"is_reg": "true"})
    found = dict(TRAINER.complaints(recipe))
    assert found.keys() == {"regularisation", "options.is_reg", "options.control_directory"}
    recipe = replace(RECIPE, options={"control_directory": "control"})
    assert "begins with /" in dict(TRAINER.complaints(recipe))["options.control_directory"]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"sage_attn": "true"}, "sage_attn"),
        ({"xformers": "true"}, "xformers"),
        ({"xformers": "true", "split_attn": "true", "flash_attn": "true"}, "xformers"),
        ({"fp8_scaled": "true"}, "fp8_scaled"),
        ({"blocks_to_swap": "16", "offload_inactive_dit": "true"}, "offload_inactive_dit"),
        ({"persistent": "true"}, "persistent"),
        (
            {"max_data_loader_n_workers": "0", "persistent_data_loader_workers": "true"},
            "persistent_data_loader_workers",
        ),
    ],
)
def test_what_the_script_would_stop_at_late(options, key):
    recipe = replace(RECIPE, options=options)
    if "offload_inactive_dit" in options:
        recipe = replace(recipe, architecture="wan2.2-t2v-14b")
    assert [found for found, _ in TRAINER.complaints(recipe)] == [f"options.{key}"]


def test_a_schedule_begins_again():
    plan = TRAINER.plan(replace(RECIPE, parameters=replace(PARAMETERS, scheduler="cosine")), SET, PLACE)
    assert "musubi-tuner begins its schedule again where it is resumed: use constant" in plan.notes


@pytest.mark.parametrize(
    ("vram", "words"),
    [(80, ""), (44, ""), (31, "--fp8_base --fp8_scaled"), (24, "--blocks_to_swap 16"), (12, "--blocks_to_swap 45")],
)
def test_memory(vram, words):
    plan = TRAINER.plan(RECIPE, SET, replace(PLACE, vram_gib=float(vram)))
    line = " ".join(plan.steps[-1].argv)
    assert words in line
    assert ("--fp8_base" in line) == bool(words)
    assert "docs/qwen_image.md" in plan.estimate.source
