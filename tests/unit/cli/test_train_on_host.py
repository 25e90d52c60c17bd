"""dgops run train: which of its events are worth a line, what its end says, and one that is followed to it."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dgops.cli import following, train_on_host
from dgops.cli.train_on_host import Steps
from dgops.cli.watching import Ended
from dgops.errors import UsageError
from dgops.files import write_json
from dgops.jobs.job import Job
from dgops.training import card, curve, prepare
from dgops.training.work import Work

DONE = Job("0123abcd", "here", "train", "train t", "succeeded")


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
    real = Work.request
    path = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "SCRIPT": "{}"}
    monkeypatch.setattr(following, "one_host", lambda *_: place.host)
    monkeypatch.setattr(Work, "request", lambda *known: replace(real(*known), env=path))
    words = click.Context(train_on_host.train, obj=place.settings)
    made = prepare.ready(place.root / "t.yml")
    ended = train_on_host.run_on_host(words, "here", made, {"allow_drift": False, "detach": False, "as_json": False})
    assert ended.code == 0
    (home,) = (place.root / "models").iterdir()
    assert card.read(home)["training"]["steps"] == 20
    assert (home / "t.safetensors").is_file()
