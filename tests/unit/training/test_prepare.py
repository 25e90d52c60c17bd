"""From a recipe and a published set to an order: what is wrong with the set is said here, and no GPU waits for it."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from dgops.dataset.manifest import Item, Manifest
from dgops.errors import DgopsError, UsageError
from dgops.health.check import Check
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.training import prepare, presets
from dgops.training.values import Dataset, Recipe

ROLES = Path(__file__).parents[3] / "roles"
RECIPE = "kind: train\ntrainer: tiny\nresolution: {}\n"


@pytest.fixture
def outputs(tmp_path):
    """Make a published set of three pictures."""
    folder = tmp_path / "outputs/amira"
    for size in ("256", "1024"):
        (folder / "06_publish" / size).mkdir(parents=True)
        for name in ("a.jpg", "b.png", "c.webp"):
            (folder / "06_publish" / size / name).write_text(f"{size} {name}")
            (folder / "06_publish" / size / name).with_suffix(".txt").write_text("amiranoor, a photo")
    (folder / "06_publish/trigger_word.txt").write_text("amiranoor\n")
    return folder


@pytest.fixture
def recipe(tmp_path):
    def write(text="", resolution=32):
        path = tmp_path / "mine.yml"
        path.write_text(RECIPE.format(resolution) + text)
        return path

    return write


def contract(*checks):
    return Contract("pod", checks, {}, "production", "a1", "now", "me", "/workspace/", "")


def venv(lock, path="/home/seanf/apps/tiny/.venv"):
    return Check("python_env", "venv", "state", "venv", {"lock": lock, "path": path})


def test_a_set_in_its_outputs_or_by_itself(outputs, recipe):
    for folder in (outputs, outputs / "06_publish"):
        made = prepare.ready(recipe(), str(folder))
        assert (made.folder, made.dataset.images, made.recipe.trigger) == (outputs / "06_publish/256", 3, "amiranoor")
        assert made.facts["slug"] == "amira"
        assert made.recipe.samples.prompts == ("amiranoor",)


def test_what_is_trained_large_is_read_large(outputs, recipe):
    path = recipe().with_name("large.yml")
    text = prepare.find("sdxl").read_text()
    path.write_text(text)
    assert prepare.ready(path, str(outputs)).folder.name == "1024"


def test_a_recipes_own_set_is_beside_it(outputs, recipe):
    made = prepare.ready(recipe("dataset: outputs/amira\ntrigger: other\n"))
    assert (made.recipe.dataset, made.recipe.trigger) == (str(outputs), "other")


def test_the_digest_is_of_pictures_and_captions_and_nothing_else(outputs, recipe):
    folder = outputs / "06_publish/256"
    first = prepare.ready(recipe(), str(outputs)).dataset.digest
    (folder / "a.npz").write_text("a trainer's cache")
    (outputs / "06_publish/notes.txt").write_text("x")
    assert prepare.ready(recipe(), str(outputs)).dataset.digest == first
    (folder / "a.txt").write_text("another caption")
    assert prepare.ready(recipe(), str(outputs)).dataset.digest != first


def test_regularisation_counts_and_is_part_of_the_digest(outputs, recipe, tmp_path):
    others = tmp_path / "outputs/woman/06_publish"
    (others / "256").mkdir(parents=True)
    (others / "1024").mkdir()
    (others / "1024/r.png").write_text("r")
    (others / "1024/r.txt").write_text("a woman")
    head = "kind: train\ntrainer: sd-scripts\narchitecture: sdxl\nmodels: {checkpoint: x.safetensors}\n"
    path = recipe()
    path.write_text(head)
    alone = prepare.ready(path, str(outputs))
    path.write_text(f"{head}regularisation: outputs/woman\nclass_word: a woman\n")
    both = prepare.ready(path, str(outputs))
    assert (both.dataset.images, both.dataset.regularisation) == (3, 1)
    assert both.regularisation == others / "1024"
    assert both.dataset.digest != alone.dataset.digest


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda one: (one / "06_publish/256/a.txt").unlink(), "no caption beside a.jpg"),
        (lambda one: [path.unlink() for path in (one / "06_publish/256").glob("*.txt")], "a.jpg, b.png, c.webp"),
        (lambda one: [path.unlink() for path in (one / "06_publish/256").iterdir()], "no pictures there"),
        (lambda one: (one / "06_publish/256/a.png").write_text("x"), "several pictures are called a"),
        (lambda one: (one / "06_publish/trigger_word.txt").unlink(), "no trigger_word.txt"),
        (lambda one: (one / "06_publish").rename(one / "05_caption"), "no published set there"),
    ],
)
def test_a_set_that_no_trainer_would_take_whole(outputs, recipe, spoil, words):
    """Trainers say num_samples=0, or nothing: they cache and caption by the name without its ending."""
    spoil(outputs)
    with pytest.raises(UsageError) as caught:
        prepare.ready(recipe(), str(outputs))
    assert words in caught.value.message


def test_without_a_set_it_says_how_to_name_one(recipe):
    with pytest.raises(UsageError, match="names no dataset") as caught:
        prepare.ready(recipe())
    assert "--dataset outputs/SLUG" in caught.value.hint


def test_a_recipe_by_its_name_or_its_path(recipe):
    assert prepare.find("tiny").name == "tiny.yml"
    assert prepare.find(str(recipe())) == recipe()
    with pytest.raises(UsageError, match="tinny"):
        prepare.find("tinny")


@pytest.mark.parametrize(
    ("known", "lock", "found"),
    [
        ("/opt/locks/tiny.txt", "tiny", True),
        ("tiny-cu124.txt", "tiny", True),
        ("tiny-cpu.txt", "tiny", True),
        ("tinyish.txt", "tiny", False),
        ("tiny-extra.txt", "tiny", False),
        ("musubi.txt", "tiny", False),
    ],
)
def test_a_venv_is_known_by_its_lock(known, lock, found):
    assert bool(prepare.venv_of(contract(venv(known)), lock)) == found


def test_an_order_says_where_things_lie_on_the_host(outputs, recipe):
    made = prepare.ready(recipe(), str(outputs))
    order = prepare.order_for(Host("pod"), contract(venv("tiny.txt")), made)
    assert order.output == f"/workspace/dgops/training/{order.run}"
    assert (order.models, order.loras) == ("/workspace/models", "")
    assert order.cache.startswith(f"/workspace/dgops/training/cache/{made.dataset.digest[:12]}-tiny-unet")
    with_comfyui = contract(venv("tiny.txt"), Check("comfyui", "x", "live", "comfyui", {}))
    assert prepare.order_for(Host("pod"), with_comfyui, made).loras == "/workspace/models/loras"
    store = Host("wsl", variables={"comfyui__models": "/mnt/c/AI/models"})
    assert prepare.order_for(store, contract(venv("tiny.txt")), made).loras == "/mnt/c/AI/models/loras"


@pytest.mark.parametrize(
    ("trainer", "architecture", "app"),
    [
        ("tiny", "tiny-unet", "tiny"),
        ("sd-scripts", "sdxl", "sd_scripts"),
        ("musubi", "qwen-image", "musubi_tuner"),
        ("ai-toolkit", "flux", "ai_toolkit"),
    ],
)
def test_a_host_without_the_trainers_venv_is_told_how_to_ask_for_it(trainer, architecture, app):
    parameters = presets.parameters(architecture, "quick", {})
    said = Recipe("a", trainer, architecture, "quick", "d", "t", parameters)
    made = prepare.Ready(said, Dataset("d" * 64, 4), Path("06_publish/256"), None, {})
    with pytest.raises(DgopsError, match=f"pod has no environment for {trainer}") as caught:
        prepare.order_for(Host("pod"), contract(venv("runtime.txt"), venv("tinyish.txt")), made)
    assert caught.value.hint == f"in the inventory: dgops_apps: [{app}]; then: dgops deploy --host pod"
    specs = yaml.safe_load((ROLES / "python_env/meta/argument_specs.yml").read_text())["argument_specs"]
    assert app in specs["main"]["options"]["dgops_apps"]["choices"]


def test_rights_and_sources_come_from_the_sets_manifest(outputs, recipe):
    assert prepare.ready(recipe(), str(outputs)).facts == {"slug": "amira", "sources": {}, "rights": ""}
    items = (
        Item("a.jpg", "IMG_1.jpg", "0" * 64, facts={"rights": "mine", "licence": "CC0"}),
        Item("b.png", "IMG_2.jpg", "1" * 64, facts={"rights": "mine"}),
        Item("d.png", "IMG_3.jpg", "2" * 64, reason="blurred", facts={"rights": "theirs"}),
    )
    whole = Manifest("publish", 1, "f", {}, items, {})
    (outputs / "06_publish/manifest.json").write_text(json.dumps(asdict(whole)))
    found = prepare.ready(recipe(), str(outputs)).facts
    assert found["rights"] == "CC0, mine"
    assert found["sources"]["a.jpg"] == {"file": "IMG_1.jpg", "sha256": "0" * 64}
    assert sorted(found["sources"]) == ["a.jpg", "b.png"]
