"""dgops train: a plan that touches nothing, with every reason why not; two trainings compared."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from dgops.cli.train import train
from dgops.errors import UnreachableError, UsageError
from dgops.files import write_json
from dgops.health import contract as contracts
from dgops.training import card, curve


@pytest.fixture
def run(place):
    """Return `run(*words)` in a project with a published set and a host of an inventory, this machine."""
    hosts = {"here": {"ansible_connection": "local"}, "gone": {"ansible_host": "192.0.2.1", "ansible_port": 1}}
    (place.root / "inventories/local").mkdir(parents=True)
    (place.root / "inventories/local/hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))

    def go(*words):
        return CliRunner().invoke(train, words, obj=place.settings)

    return go


def test_a_plan_without_a_host_says_all_and_touches_nothing(run, place):
    before = sorted(place.root.rglob("*"))
    done = run("plan", "t.yml", "--files")
    assert done.exit_code == 0, done.output
    said = {line.split("  ")[0]: line for line in done.stdout.splitlines() if line[:1].isalpha()}
    assert "4 images, trigger amiranoor" in said["dataset"]
    assert said["steps"].split()[1] == "20"
    assert said["lora"].endswith("t.safetensors")
    assert "--- tiny-00000000.json" in done.stdout
    assert "on a host that nobody named" in done.stderr
    assert sorted(place.root.rglob("*")) == before


def test_a_plan_as_json(run):
    found = json.loads(run("plan", "t.yml", "--json").stdout)
    assert (found["ok"], found["refusals"], found["host"], found["steps"]) == (True, [], None, 20)
    assert found["programs"][0]["argv"][-3:-1] == ["-m", "tiny"]
    assert json.loads(found["files"]["tiny-00000000.json"])["steps"] == 20


def test_the_set_of_the_command_line_takes_the_place_of_the_recipes(run, place):
    shutil.copytree(place.root / "outputs/amira", place.root / "outputs/other")
    for side in ("256", "1024"):
        (place.root / "outputs/other/06_publish" / side / "0.jpg").unlink()
    found = json.loads(run("plan", "t.yml", "--dataset", "outputs/other", "--json").stdout)
    assert found["images"] == 3
    assert isinstance(run("plan", "t.yml", "--dataset", "outputs/none").exception, UsageError)


def test_every_reason_why_it_may_not_begin_there(run, place):
    done = run("plan", "t.yml", "--host", "here")
    assert done.exit_code == 1
    assert "refused: here is not as its contract says" in done.stderr
    assert "verdict" not in done.stderr
    kept = contracts.read(place.settings.state, "here")
    contracts.save(contracts.Contract(**{**vars(kept), "mode": "production"}), place.settings.state)
    found = json.loads(run("plan", "t.yml", "--host", "here", "--json").stdout)
    assert (found["ok"], found["host"]) == (False, "here")
    assert [words.split(",")[0].split(" as ")[0] for words in found["refusals"]] == [
        "here is not",
        "FATAL: no GPU here",
    ]


def test_a_host_that_does_not_answer_is_no_verdict(run, place):
    kept = contracts.read(place.settings.state, "here")
    contracts.save(contracts.Contract(**{**vars(kept), "host": "gone"}), place.settings.state)
    assert isinstance(run("plan", "t.yml", "--host", "gone").exception, UnreachableError)


def home(name, rank, losses, samples=1):
    folder = Path("models") / name
    said = {"file": f"{name}.safetensors", "steps": len(losses), "loss": losses[-1], "seconds": 1.0}
    recipe = {"trainer": "tiny", "parameters": {"rank": rank, "seed": 1}}
    known = {"run": name, "recipe": recipe, "dataset": {"images": 4}, "training": said}
    write_json(folder / card.NAME, known)
    rows = "".join(f"{json.dumps({'step': step, 'loss': loss})}\n" for step, loss in enumerate(losses, 1))
    (folder / curve.METRICS).write_text(rows)
    (folder / "samples").mkdir()
    for number in range(samples):
        Image.new("RGB", (64, 64), (number, 0, 0)).save(folder / f"samples/{number}.png")


def test_two_trainings_side_by_side(run):
    home("amira-11111111", 4, [1.0, 0.5])
    home("amira-22222222", 8, [1.0, 0.25], samples=2)
    done = run("compare", "amira-1", "amira-2")
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["recipe.parameters.rank", "4", "8"] in rows
    assert not any(row[0] == "recipe.parameters.seed" for row in rows)
    assert ["loss", "0.5", "0.25"] in rows
    folder = Path("models/compare/amira-11111111_amira-22222222")
    assert f"look: {folder / 'loss.png'}  {folder / 'samples.png'}" in done.stderr
    for name in ("loss.png", "samples.png"):
        with Image.open(folder / name) as image:
            image.verify()


def test_a_comparison_as_json_into_a_folder_of_ones_own(run, tmp_path):
    home("a-1", 4, [1.0], samples=0)
    home("b-1", 4, [2.0], samples=0)
    done = run("compare", "models/a-1", "b", "--output", str(tmp_path / "seen"), "--json")
    found = json.loads(done.stdout)
    assert (found["a"]["run"], found["b"]["loss"], found["differ"]) == ("a-1", 2.0, [])
    assert found["written"] == [str(tmp_path / "seen/loss.png")]


@pytest.mark.parametrize(("name", "words"), [("amira", "begins several trainings"), ("none", "no finished training")])
def test_a_training_that_is_not_one(run, name, words):
    home("amira-1", 4, [1.0])
    home("amira-2", 4, [1.0])
    done = run("compare", name, "amira-1")
    assert isinstance(done.exception, UsageError)
    assert words in done.exception.message
