"""dgops run train: what is sent to the host, what is kept of the order, and which of its events are worth a line."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dgops import settings as settings_room
from dgops.cli import following, train_on_host
from dgops.cli.train_on_host import ORDER, Steps, request_for
from dgops.cli.watching import Ended
from dgops.errors import UsageError
from dgops.files import write_json
from dgops.hosts.host import Host
from dgops.jobs.job import Input, Job
from dgops.training import card, curve, elsewhere, order, prepare
from dgops.training.order import Order
from dgops.training.prepare import Ready
from dgops.training.values import Dataset, Model, Parameters, Recipe

DONE = Job("0123abcd", "here", "train", "train t", "succeeded")
SAID = Parameters("adamw8bit", "constant", "bf16", 1e-4, 8, 8.0, 512, steps=10)


@pytest.fixture
def published(tmp_path):
    folder = tmp_path / "06_publish/1024"
    folder.mkdir(parents=True)
    for name in ("a.jpg", "a.txt", "a.npz", "notes.md", ".hidden"):
        (folder / name).write_text(name)
    return folder


def asked(published, trainer="sd-scripts", source="", mode="production", regularisation=None):
    models = (Model("checkpoint", "x.safetensors", "", source),)
    recipe = Recipe("a", trainer, "sdxl", "quick", "/d", "t", SAID, models=models)
    made = Ready(recipe, Dataset("d" * 64, 1), published, regularisation, {})
    said = Order(recipe, made.dataset, "/v", "/workspace/dgops/training/a", "/m", "/c")
    return request_for(settings_room.load(), Host("pod", "local"), said, made, mode), said


def test_pictures_and_captions_go_and_nothing_that_lies_beside_them(published):
    request, said = asked(published, regularisation=published)
    names = ("a.jpg", "a.txt")
    assert request.inputs[1:] == (
        Input(published, "dataset", names),
        Input(published, "regularisation", names),
    )
    assert request.inputs[0].path == ORDER
    assert order.parse(json.loads(request.inputs[0].local.read_text())) == said
    assert (request.outputs[0].path, request.outputs[0].local) == (f"{said.output}/results", Path("models") / said.run)


def test_a_model_of_another_host_goes_along(published, monkeypatch):
    sent = Input(published, "models/checkpoint/x.safetensors")
    monkeypatch.setattr(elsewhere, "inputs", lambda *_all: [sent])
    assert asked(published, source="store:/m/x.safetensors")[0].inputs[-1] == sent


@pytest.mark.parametrize(("mode", "argv"), [("production", ()), ("fast-test", ("--mode", "fast-test"))])
def test_it_is_resumed_by_the_command_that_began_it(published, mode, argv):
    request, _ = asked(published, mode=mode)
    assert request.argv == request.resume == ("dgops", *argv, "run", "train", ORDER)
    assert request.gpus.count == 1
    # Patience is the trainer's.
    assert request.stall.least == request.stall.first == 600.0


@pytest.mark.parametrize(
    ("trainer", "source", "handed"),
    [
        ("sd-scripts", "", False),
        ("sd-scripts", "https://example.org/x.safetensors", False),
        ("sd-scripts", "hf:o/n/x.safetensors", True),
        ("ai-toolkit", "", True),
    ],
)
def test_the_hubs_token_is_handed_to_who_needs_it_and_written_nowhere(published, monkeypatch, trainer, source, handed):
    token = "hf_" + "k" * 34
    monkeypatch.setenv("HF_TOKEN", token)
    request, _ = asked(published, trainer, source)
    assert request.secrets == ({"HF_TOKEN": token} if handed else {})
    assert token not in " ".join([*request.argv, *request.env.values(), request.label])
    assert token not in request.inputs[0].local.read_text()


def event(kind, **fields):
    return {"event": kind, "msg": kind, "fields": fields}


def test_a_step_now_and_then_and_everything_else_as_it_comes():
    shown = Steps()
    lines = [shown.line(event("training.step", step=step, total=2000)) for step in range(1, 2001)]
    assert len([one for one in lines if one]) == train_on_host.LINES + 1
    assert lines[0].split() == ["step", "training.step"]
    assert lines[-1]
    for kind in ("start", "sample", "checkpoint", "failed", "warning"):
        assert shown.line(event(f"training.{kind}"))
    for one in (event("job.started"), event("training.other"), {}, event("training.step"), {"event": "training.step"}):
        assert shown.line(one) == ""


def test_a_program_says_how_much_is_before_it():
    """The first line of a training was `train  train`."""
    shown = Steps()

    def line(**fields):
        return shown.line({"event": "training.start", "msg": "train", "fields": fields})

    assert line(begin=0, total=90, trains=True) == "  begins       train, 90 steps"
    assert line(begin=15, total=90, trains=True) == "  begins       train, on from step 15 of 90"
    assert line(begin=0, total=90, trains=False) == "  begins       train"
    assert shown.line({"event": "training.start", "msg": "train", "fields": "x"}) == "  begins       train"


def test_it_comes_home_where_it_was_asked_for(published):
    request, said = asked(published)
    made = Ready(said.recipe, said.dataset, published, None, {})
    request = request_for(settings_room.load(), Host("pod", "local"), said, made, "production", Path("/elsewhere"))
    assert request.outputs[0].local == Path("/elsewhere", said.run)


def bring(home, losses):
    said = {"file": "t.safetensors", "sha256": "a" * 64, "comfyui": "/models/loras/t.safetensors"}
    write_json(home / card.NAME, {"training": said})
    rows = "".join(f"{json.dumps({'step': step, 'loss': loss})}\n" for step, loss in enumerate(losses, 1))
    (home / curve.METRICS).write_text(rows)


def test_the_end_names_the_lora_the_loss_and_where_to_look(tmp_path):
    bring(tmp_path, [1.0, 0.5, 0.25])
    lora, comfyui, loss, look = train_on_host.summary(Ended(0, DONE), tmp_path)
    assert lora == f"  lora         {tmp_path}/t.safetensors  sha256 {'a' * 12}"
    assert comfyui.endswith("/models/loras/t.safetensors")
    assert loss.endswith("1.000 → 0.250")
    assert look == f"look: {tmp_path}/loss.png  {tmp_path}/README.md"


def test_what_failed_or_is_not_home_names_nothing(tmp_path):
    assert train_on_host.summary(Ended(0, DONE), tmp_path) == ()
    bring(tmp_path, [1.0])
    assert train_on_host.summary(Ended(1, DONE), tmp_path) == ()


def invoke(place, *words):
    return CliRunner().invoke(train_on_host.train, words, obj=place.settings)


def test_without_a_host_nothing_is_trained(place):
    done = invoke(place, "t.yml")
    assert isinstance(done.exception, UsageError)
    assert done.exception.hint == "dgops run train t.yml --host HOST  (dgops hosts list)"


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 99}'])
def test_an_order_that_is_none(place, text):
    (place.root / "training.json").write_text(text)
    done = invoke(place, "training.json")
    assert isinstance(done.exception, UsageError)
    assert "no training that this dgops planned" in done.exception.message


def test_it_is_followed_to_its_end_and_comes_home(place, monkeypatch):
    real = train_on_host.request_for
    path = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "SCRIPT": "{}"}
    monkeypatch.setattr(following, "one_host", lambda *_: place.host)
    monkeypatch.setattr(train_on_host, "request_for", lambda *known: replace(real(*known), env=path))
    words = click.Context(train_on_host.train, obj=place.settings)
    made = prepare.ready(place.root / "t.yml")
    ended = train_on_host.run_on_host(words, "here", made, {"allow_drift": False, "detach": False, "as_json": False})
    assert ended.code == 0
    (home,) = (place.root / "models").iterdir()
    assert card.read(home)["training"]["steps"] == 20
    assert (home / "t.safetensors").is_file()
