"""A LoRA on a real pod: trained to the end, killed three ways and ending alike, and made by one command."""

import hashlib
import json
import os
import random
import signal
import time
from pathlib import Path
from statistics import mean

import pytest
from PIL import Image
from place import Place

from dgops.sandbox import faults, hosts

pytestmark = pytest.mark.e2e
LOCKED = "torch-2.13.0+cpu-cp311-*.whl"
STEPS, EVERY = 90, 15
# At once and there: three commands from here take as long as many steps do.
KILL_THE_NEWEST = """python3 -c '
import glob, json, os
newest = max(glob.glob("/workspace/dgops/jobs/*/status.json"), key=os.path.getmtime)
os.kill(json.load(open(newest))["supervisor"]["pid"], 9)'"""
RECIPE = {
    "kind": "train", "trainer": "tiny", "preset": "quick", "dataset": "set", "steps": STEPS, "save_every": EVERY,
    "resolution": 16, "batch_size": 2, "rank": 4, "samples": {"prompts": ["[trigger]"], "every": 45},
}  # fmt: skip


def seed():
    """Return the folder with the one torch that is small enough for a test."""
    folders = [Path(name) for name in os.environ.get("PIP_FIND_LINKS", "").split() if "://" not in name]
    return next((folder for folder in folders if any(folder.glob(LOCKED))), None)


@pytest.fixture(scope="module")
def place(stock, tmp_path_factory):
    wheels = seed()
    if wheels is None:
        pytest.skip(f"no {LOCKED} in a folder that PIP_FIND_LINKS names")
    found = Place(tmp_path_factory.mktemp("train"))
    try:
        stock.give(found)
        make_set(found.root / "set")
        wishes = found.root / "inventories/sandbox/host_vars"
        wishes.mkdir()
        (wishes / "pod.yml").write_text(json.dumps({"dgops_apps": ["tiny"], "wheel_cache__seed": [str(wheels)]}))
        deployed = found.dgops("deploy", "--host", "pod")
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        yield found
    finally:
        found.down()


def make_set(folder):
    """Lay out a published set of six pictures."""
    for size in (256, 1024):
        (folder / str(size)).mkdir(parents=True)
        for number in range(6):
            picture = Image.new("RGB", (64, 64), (40 * number, 255 - 40 * number, 128))
            picture.paste((255, 255, 255), (4 * number, 8, 4 * number + 24, 40))
            picture.save(folder / str(size) / f"{number}.png")
            (folder / str(size) / f"{number}.txt").write_text(f"thing, number {number}")
    (folder / "trigger_word.txt").write_text("thing\n")


class Training:
    """One recipe's training, all of them alike but for their names."""

    def __init__(self, place, name):
        self.place, self.name, self.path = place, name, place.root / f"{name}.yml"
        self.path.write_text(json.dumps(RECIPE))
        self.argv = ("run", "train", self.path.name, "--host", "pod")
        done = place.dgops("train", "plan", self.path.name, "--host", "pod", "--json")
        assert done.returncode == 0, done.stderr
        self.run = json.loads(done.stdout)["run"]
        self.there, self.home = f"/workspace/dgops/training/{self.run}", place.root / "models" / self.run

    def finish(self):
        """Run it, or go on with it, to its end; returns its card."""
        done = self.place.dgops(*self.argv)
        assert done.returncode == 0, done.stderr
        return self.card()

    def card(self):
        return json.loads((self.home / "card.json").read_text())["training"]

    def losses(self):
        rows = [json.loads(line) for line in (self.home / "metrics.jsonl").read_text().splitlines()]
        return [(row["step"], row["loss"]) for row in rows]

    def weights(self):
        """Return what the LoRA file holds behind its head, which says its name."""
        data = (self.home / f"{self.name}.safetensors").read_bytes()
        return data[8 + int.from_bytes(data[:8], "little") :]

    def until_mid(self):
        """Wait until a state is saved and steps came after it; the last ones are far away."""
        deadline = time.monotonic() + 120
        while self.steps() < EVERY + 5:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert self.steps() < STEPS - EVERY, "too quick to be killed in mid-training"

    def steps(self):
        return int(self.place.on("pod", f"cat {self.there}/metrics.jsonl 2>/dev/null | wc -l"))

    def checkpoints(self):
        """Return name, inode, time and content of each checkpoint there."""
        listed = self.place.on("pod", f"cd {self.there} && stat -c '%n %i %y' *.safetensors && sha256sum *.safetensors")
        return set(listed.splitlines())

    def job(self):
        """Return the newest job of this training."""
        code, rows = self.place.json("jobs", "list", "--host", "pod")
        assert code == 0
        spec = [row for row in rows if row["kind"] == "train"]
        return max(spec, key=lambda row: row["created"])


@pytest.fixture(scope="module")
def whole(place):
    """The training that nobody disturbs."""
    found = Training(place, "whole")
    assert found.finish()["begun_at"] == 0
    return found


def require_same(training, whole, begun_at):
    """Hold a training against the unbroken one, and what is at home against what is there."""
    card = training.card()
    assert card["begun_at"] in begun_at
    assert (card["steps"], card["total"]) == (STEPS, STEPS)
    assert card["loss"] == pytest.approx(whole.card()["loss"], rel=1e-4)
    assert training.losses() == [(step, pytest.approx(loss, rel=1e-4)) for step, loss in whole.losses()]
    assert training.weights() == whole.weights()
    there = {line.split()[1]: line.split()[0] for line in training.checkpoints() if len(line.split()) == 2}
    home = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in training.home.glob("*.safetensors")}
    assert home == there
    assert home[card["file"]] == card["sha256"]
    numbered = {f"{training.name}-step{step:08d}.safetensors" for step in range(EVERY, STEPS, EVERY)}
    assert set(home) == {card["file"], *numbered}


def test_loss_falls_and_everything_is_at_home(whole):
    assert [step for step, _ in whole.losses()] == list(range(1, STEPS + 1))
    losses = [loss for _, loss in whole.losses()]
    assert mean(losses[-20:]) < 0.7 * mean(losses[:6])
    assert {path.name for path in whole.home.iterdir()} > {"card.json", "README.md", "loss.png", "samples"}
    assert len(list((whole.home / "samples").glob("*.png"))) == 2
    require_same(whole, whole, {0})


def test_the_agent_is_killed(place, whole):
    training = Training(place, "agent")
    following = place.start(*training.argv)
    training.until_mid()
    place.on("pod", KILL_THE_NEWEST)
    _, words = following.communicate(timeout=60)
    assert following.returncode == 1
    assert "the agent's process is gone" in words
    kept = training.checkpoints()
    training.finish()
    assert kept <= training.checkpoints()
    require_same(training, whole, set(range(EVERY, STEPS, EVERY)))


def test_the_controller_is_killed(place, whole):
    training = Training(place, "controller")
    following = place.start(*training.argv)
    training.until_mid()
    following.send_signal(signal.SIGKILL)
    following.communicate(timeout=20)
    job = training.job()
    assert job["status"] == "running"
    kept = training.checkpoints()
    followed = place.dgops("jobs", "follow", job["id"])
    assert followed.returncode == 0, followed.stderr
    assert kept <= training.checkpoints()
    require_same(training, whole, {0})


def test_the_container_is_killed(place, whole):
    training = Training(place, "container")
    detached = place.dgops(*training.argv, "--detach")
    assert detached.returncode == 0, detached.stderr
    training.until_mid()
    faults.kill("pod", place.settings)
    hosts.start("pod", place.settings)
    kept = training.checkpoints()
    deployed = place.dgops("deploy", "--host", "pod")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    training.finish()
    assert place.json("jobs", "show", detached.stdout.strip())[1]["status"] == "lost"
    assert kept <= training.checkpoints()
    require_same(training, whole, set(range(EVERY, STEPS, EVERY)))


def test_a_model_of_another_host_comes_by_way_of_here_and_goes_on_after_a_cut(place):
    """From a host that has nothing but sshd and Python; large enough for a stream of its own."""
    place.up("shelf")
    make = "head -c 157286400 /dev/urandom >base.bin; ln -s base.bin link.bin; sha256sum base.bin"
    digest = place.on("shelf", f"cd /root; {make}").split()[0]
    model = {"file": "checkpoints/base.bin", "sha256": digest, "source": "shelf:/root/link.bin"}
    said = {**RECIPE, "steps": 6, "save_every": 6, "samples": {"prompts": []}, "models": {"base": model}}
    (place.root / "fetched.yml").write_text(json.dumps(said))
    argv = ("run", "train", "fetched.yml", "--host", "pod")

    def parts():
        return [path.stat().st_size for path in (place.root / ".dgops/models").rglob("*.part")]

    running = place.start(*argv)
    deadline = time.monotonic() + 60
    while not sum(parts()) > 10 << 20:
        assert time.monotonic() < deadline, running.poll()
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=20)
    assert 0 < sum(parts()) < 150 << 20
    done = place.dgops(*argv)
    assert done.returncode == 0, done.stderr
    assert "checkpoints/base.bin from shelf:/root/link.bin" in done.stderr
    assert place.on("pod", "sha256sum /workspace/models/checkpoints/base.bin").split()[0] == digest
    # Sent once, and what was kept here meanwhile goes with the next training.
    (place.root / "again.yml").write_text(json.dumps({**said, "seed": 7}))
    again = place.dgops("run", "train", "again.yml", "--host", "pod")
    assert again.returncode == 0, again.stderr
    assert "shelf" not in again.stderr
    assert not [path for path in (place.root / ".dgops/models").rglob("*") if path.is_file()]


def test_go_is_killed_with_its_job_and_goes_on(place):
    (place.root / "photos").mkdir()
    for number in range(4):
        blocks = random.Random(number).randbytes(8 * 6 * 3)
        picture = Image.frombytes("RGB", (8, 6), blocks).resize((400, 300), Image.Resampling.NEAREST)
        picture.save(place.root / f"photos/{number}.png")
    toml = '[gather.amira]\nsource = "photos"\ntrigger = "amiranoor"\ncrop = "none"\n'
    (place.root / "dgops.toml").write_text(toml)
    said = {key: value for key, value in RECIPE.items() if key not in ("dataset", "samples")}
    (place.root / "amira.yml").write_text(json.dumps(said))
    going = place.start("go", "amira", "--host", "pod")
    seen = []
    for line in going.stderr:
        seen.append(line)
        if line.startswith("  saved"):
            break
    place.on("pod", KILL_THE_NEWEST)
    going.kill()
    going.communicate(timeout=20)
    assert any("gather       done" in line for line in seen), "".join(seen)
    again = place.dgops("go", "amira", "--host", "pod")
    assert again.returncode == 0, "".join(seen) + again.stderr
    assert "gather       held" in again.stderr
    (home,) = (place.root / "models").glob("amira-*")
    card = json.loads((home / "card.json").read_text())["training"]
    assert card["begun_at"] in range(EVERY, STEPS, EVERY), again.stderr
    assert f"on from step {card['begun_at']} of {STEPS}" in again.stderr
    assert hashlib.sha256((home / "amira.safetensors").read_bytes()).hexdigest() == card["sha256"]
    held = place.dgops("go", "amira", "--host", "pod")
    assert (held.returncode, held.stdout.strip()) == (0, f"models/{home.name}/amira.safetensors")
    assert "train        held" in held.stderr
