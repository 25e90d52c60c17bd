"""Recipes as the work of an `up`: what each kind becomes, and a training lost midway that goes on from its state."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from dgops.cli.watching import Ended
from dgops.errors import ConfigError, DgopsError, UnreachableError, UsageError
from dgops.flows import up_job
from dgops.flows.up_job import LostError
from dgops.jobs.follow import follow

HALT = 12


def test_a_training_that_is_lost_goes_on_from_its_state_and_comes_home_once(place, monkeypatch):
    work, shown = place.work("t.yml")
    request = place.request(work, {"halt": HALT})

    def lost(link, base, job, watcher, offsets=None):
        ends = time.monotonic() + 60
        while not list(Path(base).glob("training/*/halted")):
            assert time.monotonic() < ends
            time.sleep(0.02)
        os.kill(json.loads(Path(base, "jobs", job, "status.json").read_text())["supervisor"]["pid"], signal.SIGKILL)
        raise UnreachableError("cut")

    monkeypatch.setattr(up_job, "follow", lost)
    with pytest.raises(LostError):
        place.runner.run(place.host, request, lambda: "it is EXITED")
    monkeypatch.setattr(up_job, "follow", follow)
    job, at = place.runner.run(place.host, request, lambda: "")
    assert (job.status, job.attempt, job.kind) == ("succeeded", 2, "train")
    assert place.runner.home(at).missing == ()
    assert place.runner.home(at) is None
    (home,) = (place.root / "models").iterdir()
    card = shown.as_object(None)["card"]
    assert (card["training"]["begun_at"], card["training"]["steps"]) == (10, 20)
    assert (home / "t.safetensors").is_file()
    assert any("t.safetensors" in line for line in shown.more(Ended(0, job)))


def test_another_set_or_another_recipe_is_other_work(place):
    first = place.work("t.yml")[0].fingerprint
    assert place.work("t.yml")[0].fingerprint == first
    (place.root / "outputs/amira/06_publish/256/0.txt").write_text("amiranoor, smiling")
    second = place.work("t.yml")[0].fingerprint
    (place.root / "t.yml").write_text(place.training.replace("20", "30"))
    assert len({first, second, place.work("t.yml")[0].fingerprint}) == 3


def test_a_training_that_dgops_carries_takes_its_set_by_name(place):
    work, _ = place.work("tiny", "outputs/amira")
    assert work.made.recipe.name == "tiny"
    with pytest.raises(UsageError, match="names no dataset"):
        place.work("tiny")


def test_a_host_without_the_trainer_is_told_before_a_job(place):
    place.deploy("musubi")
    with pytest.raises(DgopsError, match="here has no environment for tiny"):
        place.work("t.yml")[0].request(place.host)


def test_a_script_is_the_job_that_run_would_start(place):
    (place.root / "s.yml").write_text("kind: script\ncommand: [python3, s.py]\ninputs: [s.yml]\ngpus: 2\n")
    work, shown = place.work("s.yml")
    request = work.request(place.host)
    assert (request.kind, request.argv, request.gpus.count) == ("script", ("python3", "s.py"), 2)
    assert (shown.output, shown.as_object) == (True, None)
    with pytest.raises(UsageError, match="--dataset is for a training"):
        place.work("s.yml", "outputs/amira")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("kind: trian\n", ConfigError, "no kind of recipe"),
        ("command: [a]\n", ConfigError, "kind: missing"),
        ("kind: train\ntrainer: tiny\nsteps: many\n", ConfigError, "steps"),
        ("- a\n", ConfigError, "mapping of keys"),
    ],
)
def test_mistakes_are_told_by_the_kind_that_was_meant(place, text, error, said):
    (place.root / "wrong.yml").write_text(text)
    with pytest.raises(error, match=said):
        place.work("wrong.yml")


def test_a_name_that_is_no_recipe(place):
    with pytest.raises(UsageError) as caught:
        place.work("tinny")
    assert "tiny" in caught.value.hint
