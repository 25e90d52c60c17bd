"""Recipes as the work of an `up`: what each kind becomes, and a training lost midway that goes on from its state."""

import getpass
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dgops import settings as settings_room
from dgops.cli import up_work as room
from dgops.cli.watching import Ended
from dgops.errors import ConfigError, DgopsError, UnreachableError, UsageError
from dgops.flows import up_job
from dgops.flows.up_job import LostError, Runner
from dgops.health import contract as contracts
from dgops.health.check import Check
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.jobs import resume, submit
from dgops.jobs.follow import follow
from dgops.jobs.progress import Silent
from dgops.jobs.ready import Ready, deployed

STAND_IN = Path(__file__).parents[2] / "cases/training/tiny.txt"
TRAINING = "kind: train\ntrainer: tiny\nsteps: 20\nsave_every: 5\nresolution: 32\ndataset: outputs/amira\n"
HALT = 12


@pytest.fixture
def place(tmp_path, monkeypatch):
    """This machine as a deployed host, with a trainer's venv whose program is a stand-in, and a published set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "dgops.toml").write_text("")
    for side in ("256", "1024"):
        folder = tmp_path / "outputs/amira/06_publish" / side
        folder.mkdir(parents=True)
        for number in range(4):
            (folder / f"{number}.jpg").write_bytes(bytes([number]))
            (folder / f"{number}.txt").write_text("amiranoor")
    (tmp_path / "outputs/amira/06_publish/trigger_word.txt").write_text("amiranoor")
    (tmp_path / "t.yml").write_text(TRAINING)
    python = tmp_path / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$3"\n')
    python.chmod(0o755)
    (tmp_path / "root").mkdir()
    for one in (submit, resume):
        monkeypatch.setattr(
            one, "require_ready", lambda link, _drift=False: Ready(deployed(link.host, link.settings), {})
        )
    found = Place(tmp_path)
    found.deploy("tiny")
    return found


class Place:
    """The project, its one host, and what was said."""

    def __init__(self, root):
        self.root, self.said = root, []
        self.settings = settings_room.load(root)
        self.host = Host("here", "local", variables={"user__name": getpass.getuser()})
        self.runner = Runner(self.settings, Silent(), self.said.append)

    def deploy(self, lock):
        venv = Check("tiny", "its venv", "state", "venv", {"path": str(self.root / "venv"), "lock": f"{lock}.txt"})
        root = str(self.root / "root")
        kept = Contract("here", (venv,), {}, "fast-test", "a1", "now", "me", root, "")
        contracts.save(kept, self.settings.state)

    def work(self, recipe, dataset=""):
        return room.work_of(recipe, dataset, self.settings, as_json=False)

    def request(self, work, script):
        """Return the job as it would be submitted, with this interpreter's dgops in the way."""
        env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "SCRIPT": json.dumps(script)}
        return replace(work.request(self.host), env=env, fingerprint=work.fingerprint)


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
    (place.root / "t.yml").write_text(TRAINING.replace("20", "30"))
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
