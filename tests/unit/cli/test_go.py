"""dgops go on this machine as a host: the real pipeline, the real agent, a trainer that can be stopped anywhere."""

import getpass
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from dgops import settings as settings_room
from dgops.cli.main import cli
from dgops.dataset import pipeline
from dgops.dataset.options import Options
from dgops.health import contract as contracts
from dgops.health.check import Check
from dgops.health.contract import Contract

STANDIN = Path(__file__).parents[2] / "cases/training/standins/tiny.py"
TINY = Path(__file__).parents[3] / ".venv/tiny"
BIN = Path(sys.executable).parent
# The contract is taken as held, since nothing of it is on this machine; a job finds the dgops of this venv.
HARNESS = """\
import os, sys
from dataclasses import replace
from dgops.cli import main
from dgops.jobs import ready, submit
from dgops.training.work import Work
submit.require_ready = lambda link, _drift=False: ready.Ready(ready.deployed(link.host, link.settings), {})
asked = Work.request
path = {"PATH": os.path.dirname(sys.executable) + ":/usr/bin:/bin"}
Work.request = lambda *known: replace(asked(*known), env=path)
main.main()
"""
GATHER = '[gather.amira]\nsource = "photos"\ntrigger = "amiranoor"\ncrop = "none"\n'
RECIPE = "kind: train\ntrainer: tiny\nsteps: 20\nsave_every: 5\n"
DEADLINE = 240


class Place:
    """A project with photographs, a recipe and this machine as the host local."""

    def __init__(self, root):
        self.root, self.venv = root, root / "tiny/.venv"
        photographs(root / "photos")
        (root / "dgops.toml").write_text(GATHER)
        (root / "amira.yml").write_text(RECIPE)
        hosts = {"local": {"ansible_connection": "local", "user__name": getpass.getuser()}}
        (root / "inventories/local").mkdir(parents=True)
        (root / "inventories/local/hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
        venv = Check("python_env", "tiny", "state", "venv", {"path": str(self.venv), "lock": "/locks/tiny.txt"})
        (root / "volume").mkdir()
        made = Contract("local", (venv,), {}, "fast-test", "a1", "now", "me", str(root / "volume"), "")
        contracts.save(made, settings_room.load(root).state)
        (self.venv / "bin").mkdir(parents=True)
        standin = self.venv / "bin/python"
        standin.write_text(f"#!{sys.executable}\n{STANDIN.read_text()}")
        standin.chmod(0o755)

    def tell(self, what, step):
        """Let the trainer wait at a step, or die there."""
        (self.venv / "bin" / what).write_text(str(step))

    def go_on(self):
        for name in ("wait", "die", "waits"):
            (self.venv / "bin" / name).unlink(missing_ok=True)

    def begin(self, *arguments):
        argv = [sys.executable, "-c", HARNESS, "--mode", "fast-test", "go", *arguments]
        return subprocess.Popen(argv, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def go(self, *arguments):
        child = self.begin(*arguments)
        out, err = child.communicate(timeout=DEADLINE)
        return subprocess.CompletedProcess(child.args, child.returncode, out, err)

    def until_it_waits(self, child):
        until = time.monotonic() + DEADLINE
        while not (self.venv / "bin/waits").exists():
            assert child.poll() is None, child.communicate()
            assert time.monotonic() < until
            time.sleep(0.02)

    def jobs(self):
        return sorted((self.root / "volume/dgops/jobs").iterdir(), key=lambda one: one.stat().st_ctime)

    def lora(self):
        (found,) = self.root.glob("models/amira-*/amira.safetensors")
        return found


def photographs(folder):
    folder.mkdir()
    for seed in range(3):
        blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((400, 300), Image.Resampling.NEAREST).save(folder / f"p{seed}.png")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Return the set of these photographs, made once."""
    root = tmp_path_factory.mktemp("set")
    photographs(root / "photos")
    assert pipeline.run(Options("amira", root / "photos", "amiranoor", "none", output=root / "outputs"), Watcher()).ok
    return root / "outputs"


@pytest.fixture
def gathered(place, outputs):
    """Return a project whose set is published."""
    shutil.copytree(outputs, place.root / "outputs")
    return place


class Watcher:
    def stage_over(self, run):
        """Nothing to tell."""

    def delivered(self, delivery):
        """Nothing to tell."""


def steps(err):
    """Return what `go` said of its steps, each as step and state."""
    lines = [line.split() for line in err.splitlines() if line.startswith("amira  ")]
    return [(words[1], words[2]) for words in lines]


def test_from_photographs_to_a_lora_and_a_second_time_at_once(place):
    done = place.go("amira")
    assert done.returncode == 0, done.stderr
    assert steps(done.stderr) == [
        ("gather", "no"),
        ("gather", "done"),
        ("train", "no"),
        ("train", "done"),
        ("first", "batch"),
    ]
    assert done.stdout == f"{place.lora().relative_to(place.root)}\n"
    assert "not made: this dgops generates no pictures yet" in done.stderr
    again = place.go("amira", "--json")
    found = json.loads(again.stdout)
    assert (again.returncode, found["ok"]) == (0, True)
    assert [(one["step"], one["state"]) for one in found["steps"]] == [
        ("gather", "held"),
        ("train", "held"),
        ("first batch", "not yet"),
    ]
    assert len(place.jobs()) == 1


def test_stopped_between_the_steps_it_goes_on_with_the_training(gathered):
    gathered.tell("die", 7)
    done = gathered.go("amira")
    assert done.returncode == 1
    assert "amira stopped in train: no LoRA yet" in done.stderr
    assert done.stderr.endswith("hint: the same goes on from there:  dgops go amira\n")
    gathered.go_on()
    done = gathered.go("amira")
    assert done.returncode == 0, done.stderr
    assert steps(done.stderr)[0] == ("gather", "held")
    assert json.loads((gathered.lora().parent / "card.json").read_text())["training"]["begun_at"] == 5


def test_killed_while_it_gathers_it_gathers_what_is_left(place):
    child = place.begin("amira")
    until = time.monotonic() + DEADLINE
    while not (place.root / "outputs/amira/01_scrape").exists():
        assert time.monotonic() < until
        time.sleep(0.005)
    child.kill()
    child.communicate(timeout=DEADLINE)
    done = place.go("amira")
    assert done.returncode == 0, done.stderr
    assert place.lora().is_file()


def test_killed_while_it_trains_the_job_is_followed_and_no_second_one_begins(gathered):
    gathered.tell("wait", 12)
    child = gathered.begin("amira")
    gathered.until_it_waits(child)
    child.kill()
    child.communicate(timeout=DEADLINE)
    again = gathered.begin("amira")
    out = []
    while "is under way already" not in (line := again.stderr.readline()):
        assert line, out
        out.append(line)
    gathered.go_on()
    stdout, stderr = again.communicate(timeout=DEADLINE)
    assert again.returncode == 0, stderr
    assert stdout == f"{gathered.lora().relative_to(gathered.root)}\n"
    assert len(gathered.jobs()) == 1


def test_a_job_that_died_with_its_host_goes_on_from_its_last_state(gathered):
    gathered.tell("wait", 12)
    child = gathered.begin("amira")
    gathered.until_it_waits(child)
    (job,) = gathered.jobs()
    os.kill(json.loads((job / "status.json").read_text())["supervisor"]["pid"], signal.SIGKILL)
    _, stderr = child.communicate(timeout=DEADLINE)
    assert child.returncode == 1, stderr
    gathered.go_on()
    done = gathered.go("amira")
    assert done.returncode == 0, done.stderr
    assert json.loads((gathered.lora().parent / "card.json").read_text())["training"]["begun_at"] == 10
    assert len(gathered.jobs()) == 2


def test_ctrl_c_lets_go_of_the_job_and_ends_with_130(gathered):
    gathered.tell("wait", 12)
    child = gathered.begin("amira")
    gathered.until_it_waits(child)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=DEADLINE)
    assert child.returncode == 130, stderr
    assert "detached: the job goes on" in stderr
    assert "hint: the same goes on from there:  dgops go amira" in stderr
    gathered.go_on()


def test_a_new_photograph_is_a_new_set_and_a_new_lora(gathered):
    shutil.copy(gathered.root / "photos/p0.png", gathered.root / "photos/other.png")
    done = gathered.go("amira")
    assert done.returncode == 0, done.stderr
    assert ("gather", "done") in steps(done.stderr)


@pytest.mark.skipif(not TINY.exists(), reason="no .venv/tiny: no CPU build of torch in a folder of PIP_FIND_LINKS")
def test_the_real_trainer_is_killed_and_goes_on(gathered):
    shutil.rmtree(gathered.venv)
    gathered.venv.symlink_to(TINY)
    child = gathered.begin("amira")
    until = time.monotonic() + 5 * DEADLINE
    while not list(gathered.root.glob("volume/dgops/training/amira-*/amira-step00000005-state/train_state.json")):
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    (job,) = gathered.jobs()
    os.kill(json.loads((job / "status.json").read_text())["supervisor"]["pid"], signal.SIGKILL)
    child.communicate(timeout=DEADLINE)
    assert child.returncode == 1
    again = gathered.begin("amira")
    _, stderr = again.communicate(timeout=5 * DEADLINE)
    assert again.returncode == 0, stderr
    card = json.loads((gathered.lora().parent / "card.json").read_text())
    assert (card["training"]["begun_at"] >= 5, card["training"]["steps"]) == (True, 20)
    assert (gathered.lora().parent / "loss.png").is_file()


def test_mistakes_of_set_and_recipe_are_told_at_once_before_anything_is_made(place):
    (place.root / "dgops.toml").write_text(GATHER.replace("none", "ears"))
    (place.root / "amira.yml").write_text("kind: train\ntrainer: tiny\nstepz: 20\ndataset: outputs/other\n")
    done = place.go("amira")
    assert done.returncode == 2
    assert "gather.amira: crop: 'ears'" in done.stderr
    assert "amira.yml" in done.stderr
    assert "stepz" in done.stderr
    assert not (place.root / "outputs").exists()


def test_a_host_that_cannot_train_is_told_before_anything_is_made(place):
    done = place.go("amira", "--host", "pod")
    assert done.returncode == 2
    assert "gather: no host or group is named pod" in done.stderr
    assert not (place.root / "outputs").exists()


def test_it_is_among_the_commands():
    assert CliRunner().invoke(cli, ["go", "--help"]).exit_code == 0
