"""Every architecture, preset, memory and way to go on: no parser and no schema of a trainer refuses what is planned."""

import itertools
import json
import sys
from pathlib import Path

import pytest
import yaml

from dgops.dataset import musubi as musubi_dataset
from dgops.training import sd_dataset
from dgops.training.options import parser
from dgops.training.trainer import get
from dgops.training.trainers import ai_toolkit
from dgops.training.values import Dataset, Model, Parameters, Place, Recipe, Samples, State

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CASES = json.loads((Path(__file__).parents[2] / "cases/training/plans.json").read_text())
# What breaks writers and readers of configurations, in each place where a person's text stands.
PROMPTS = ("amira, a photo --w 64 #1", 'she says "hi" \\ 日本語 🎈', "# not a comment: [x] = 'y'")
DEFAULTS = {"scheduler": "constant", "precision": "bf16", "rank": 16, "alpha": 16.0, "resolution": 1024}
VRAMS = (0.0, 12.0, 24.0, 80.0)


def recipe_of(name, case, **more):
    parameters = {**DEFAULTS, **case["parameters"], **more}
    return Recipe(
        name="amira",
        trainer=case["trainer"],
        architecture=case.get("architecture", name),
        preset="balanced",
        dataset="published/amira",
        trigger="amiranoor",
        parameters=Parameters(**parameters),
        samples=Samples(PROMPTS, 250),
        models=tuple(Model(role, file) for role, file in case["models"].items()),
        regularisation="published/woman" if case.get("regularisation") else "",
        class_word="a woman" if case.get("regularisation") else "",
        options=case.get("options", {}),
    )


def place_of(case, vram=0.0, cpus=8):
    return Place(
        app="/home/seanf/apps/x",
        python="/home/seanf/apps/x/.venv/bin/python",
        dataset='/workspace/sets/it\'s "amira" #1 \\ 日本/1024',
        output="/workspace/out put",
        models="/workspace/models",
        cache="/tmp/cache/amira",
        regularisation="/workspace/sets/woman",
        cpus=cpus,
        gpus=1,
        vram_gib=vram,
        torch=case["torch"],
        xformers=case.get("xformers", False),
    )


def state_of(case, plan):
    path = {
        "sd-scripts": "amira-step00000500-state",
        "musubi": "amira-000020-state",
        "ai-toolkit": "run1/amira/amira_000000500.safetensors",
    }
    return State(500, 500 * plan.epochs // plan.total, path[case["trainer"]], 1, 25)


def variants(name):
    """Return the plans of a case: presets, batch sizes, memories, processors, from the beginning and from a state."""
    case = CASES[name]
    dataset = Dataset("sha256:0123", 25, case.get("regularisation", 0))
    trainer = get(case["trainer"])
    sets = [{}, {"batch_size": 2, "save_every": 300}, {"scheduler": "cosine", "precision": "fp32"}]
    sets += [{"resolution": 512, "steps": 800, "save_every": 200}, {"rank": 64, "alpha": 64.0, "steps": 4000}]
    for chosen, vram, cpus in itertools.product(sets, VRAMS, (1, 8)):
        more = {**chosen, "steps": 0} if "epochs" in case["parameters"] else chosen
        recipe = recipe_of(name, case, **more)
        place = place_of(case, vram, cpus)
        plan = trainer.plan(recipe, dataset, place)
        yield recipe, plan
        if plan.total > 500:
            yield recipe, trainer.plan(recipe, dataset, place, state_of(case, plan))


def tables(trainer, torch):
    if trainer == "musubi":
        return "musubi-v0.3.4"
    return "sd-scripts-v0.9.1" if torch.startswith("2.5") else "sd-scripts-v0.10.1"


@pytest.mark.parametrize("name", CASES)
def test_parsers_and_schemas_take_all_of_it(name):
    case = CASES[name]
    count = 0
    for recipe, plan in variants(name):
        assert list(get(case["trainer"]).complaints(recipe)) == []
        for path, text in plan.files.items():
            if path.endswith(".toml"):
                config = tomllib.loads(text)
                problems = sd_dataset if case["trainer"] == "sd-scripts" else musubi_dataset
                assert problems.problems(config) == []
            elif path.endswith(".yaml"):
                assert ai_toolkit.complaints(yaml.safe_load(text)) == []
            else:
                assert [one["prompt"] for one in json.loads(text)] == list(PROMPTS)
        for step in plan.steps:
            script = step.argv[1].rpartition("/")[2]
            if case["trainer"] != "ai-toolkit":
                assert parser(tables(case["trainer"], case["torch"]), script).complaints(step.argv[2:]) == []
        assert sum(step.trains for step in plan.steps) == 1
        count += 1
    assert count >= 40


@pytest.mark.parametrize("name", CASES)
def test_what_stands_on_the_command_line(name):
    case = CASES[name]
    recipe = recipe_of(name, case)
    plan = get(case["trainer"]).plan(recipe, Dataset("sha256:0", 25, case.get("regularisation", 0)), place_of(case))
    line = " ".join(plan.steps[-1].argv) + " "
    assert [one for one in case["has"] if one not in line] == []
    assert [one for one in case["lacks"] if one in line] == []


@pytest.mark.parametrize("name", CASES)
def test_persistent_workers_only_where_there_are_workers(name):
    """Both kohya trainers die of persistent workers without a worker."""
    for _, plan in variants(name):
        argv = plan.steps[-1].argv
        if "--max_data_loader_n_workers" in argv:
            count = argv[argv.index("--max_data_loader_n_workers") + 1]
            assert ("--persistent_data_loader_workers" in argv) == (count != "0")


@pytest.mark.parametrize(
    ("options", "cpus", "count"),
    [
        ({}, 1, "0"),
        ({}, 8, "2"),
        ({"max_data_loader_n_workers": "0"}, 8, "0"),
        ({"max_data_loader_n_workers": "6"}, 1, "6"),
        ({"persistent_data_loader_workers": "true"}, 1, "1"),
        ({"persistent_data_loader_workers": "false"}, 8, "2"),
    ],
)
@pytest.mark.parametrize("name", ["sdxl", "qwen-image"])
def test_persistent_workers_whatever_a_recipe_says_of_them(name, options, cpus, count):
    case = CASES[name]
    recipe = recipe_of(name, {**case, "options": {**case.get("options", {}), **options}})
    argv = get(case["trainer"]).plan(recipe, Dataset("sha256:0", 25), place_of(case, cpus=cpus)).steps[-1].argv
    assert argv[argv.index("--max_data_loader_n_workers") + 1] == count
    persistent = "--persistent_data_loader_workers" in argv
    assert persistent == (count != "0" and options.get("persistent_data_loader_workers") != "false")


@pytest.mark.parametrize("name", CASES)
def test_output_comes_as_it_is_printed(name):
    case = CASES[name]
    plan = get(case["trainer"]).plan(recipe_of(name, case), Dataset("sha256:0", 25), place_of(case))
    for step in plan.steps:
        assert step.env["PYTHONUNBUFFERED"] == "1"
        assert step.env["PYTHONIOENCODING"] == "utf-8"
        # Downloads by it hang without a word.
        assert step.env["HF_HUB_DISABLE_XET"] == "1"


@pytest.mark.parametrize("name", CASES)
def test_a_resumed_run_has_other_names(name):
    """musubi-tuner restarts its count and would write over name-000001.safetensors."""
    case = CASES[name]
    trainer, recipe, dataset = get(case["trainer"]), recipe_of(name, case), Dataset("sha256:0", 25)
    first = trainer.plan(recipe, dataset, place_of(case))
    if first.total <= 500:
        return
    state = state_of(case, first)
    second = trainer.plan(recipe, dataset, place_of(case), state)
    assert second.lora != first.lora
    assert second.begin == state.step
    assert second.total == first.total
