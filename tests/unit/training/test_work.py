"""A training as work: what is sent to the host, what is kept of the order, what it is known by."""

import json
from pathlib import Path

import pytest

from dgops import settings as settings_room
from dgops.errors import DgopsError
from dgops.health import contract as contracts
from dgops.health.check import Check
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.jobs.job import Input
from dgops.training import elsewhere, order, trainer
from dgops.training.prepare import Ready
from dgops.training.values import Dataset, Model, Parameters, Recipe
from dgops.training.work import ORDER, Work

SAID = Parameters("adamw8bit", "constant", "bf16", 1e-4, 8, 8.0, 512, steps=10)
POD = Host("pod", "local")


@pytest.fixture
def published(tmp_path):
    folder = tmp_path / "06_publish/1024"
    folder.mkdir(parents=True)
    for name in ("a.jpg", "a.txt", "a.npz", "notes.md", ".hidden"):
        (folder / name).write_text(name)
    return folder


def work(published, by="sd-scripts", source="", regularisation=None, digest="d" * 64, **more):
    recipe = Recipe(
        "a", by, "sdxl", "quick", "/d", "t", SAID, models=(Model("checkpoint", "x.safetensors", "", source),)
    )
    made = Ready(recipe, Dataset(digest, 1), published, regularisation, {})
    return Work(settings_room.load(), made, lambda _line: None, **more)


def asked(work, mode="production"):
    """Return the job of a work on a host that was deployed for its trainer."""
    lock = trainer.get(work.made.recipe.trainer).lock
    venv = Check("app", "its venv", "state", "venv", {"path": "/v", "lock": f"{lock}.txt"})
    contracts.save(Contract("pod", (venv,), {}, mode, "a1", "now", "me", "/workspace", ""), work.settings.state)
    return work.request(POD)


def test_pictures_and_captions_go_and_nothing_that_lies_beside_them(published):
    request = asked(work(published, regularisation=published))
    names = ("a.jpg", "a.txt")
    assert request.inputs[1:] == (
        Input(published, "dataset", names),
        Input(published, "regularisation", names),
    )


@pytest.mark.parametrize("lower", [False, True])
def test_the_order_goes_along_and_what_it_makes_comes_home(published, lower):
    made = work(published, lower=lower, models=Path("/elsewhere"))
    request = asked(made)
    assert request.inputs[0].path == ORDER
    said = order.parse(json.loads(request.inputs[0].local.read_text()))
    assert (said.recipe, said.dataset, said.venv, said.lower) == (made.made.recipe, made.made.dataset, "/v", lower)
    assert (request.outputs[0].path, request.outputs[0].local) == (f"{said.output}/results", made.home)
    assert made.home == Path("/elsewhere", said.run)


def test_a_host_without_the_trainers_environment_is_told_what_to_ask_for(published):
    made = work(published)
    asked(made)
    with pytest.raises(DgopsError, match="pod has no environment for ai-toolkit") as caught:
        work(published, "ai-toolkit").request(POD)
    assert "dgops_apps: [ai_toolkit]" in caught.value.hint


def test_a_model_of_another_host_goes_along(published, monkeypatch):
    sent = Input(published, "models/checkpoint/x.safetensors")
    monkeypatch.setattr(elsewhere, "inputs", lambda *_all: [sent])
    assert asked(work(published, source="store:/m/x.safetensors")).inputs[-1] == sent


@pytest.mark.parametrize(("mode", "argv"), [("production", ()), ("fast-test", ("--mode", "fast-test"))])
def test_it_is_resumed_by_the_command_that_began_it(published, mode, argv):
    request = asked(work(published), mode)
    assert request.argv == request.resume == ("dgops", *argv, "run", "train", ORDER)
    assert request.gpus.count == 1
    # Patience is the trainer's.
    assert (request.stall.least, request.stall.from_start) == (600.0, True)


@pytest.mark.parametrize(
    ("by", "source", "handed"),
    [
        ("sd-scripts", "", False),
        ("sd-scripts", "https://example.org/x.safetensors", False),
        ("sd-scripts", "hf:o/n/x.safetensors", True),
        ("ai-toolkit", "", True),
    ],
)
def test_the_hubs_token_is_handed_to_who_needs_it_and_written_nowhere(published, monkeypatch, by, source, handed):
    token = "hf_" + "k" * 34
    monkeypatch.setenv("HF_TOKEN", token)
    request = asked(work(published, by, source))
    assert request.secrets == ({"HF_TOKEN": token} if handed else {})
    assert token not in " ".join([*request.argv, *request.env.values(), request.label])
    assert token not in request.inputs[0].local.read_text()


def test_it_is_known_by_what_is_trained_on_by_which_recipe_and_where_it_goes(published):
    one = work(published)
    others = [
        work(published, digest="e" * 64),
        work(published, "ai-toolkit"),
        work(published, models=Path("elsewhere")),
    ]
    assert work(published).fingerprint == one.fingerprint
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 4
