"""dgops gather: from the repository's own configuration to a set in the folder that a recipe names."""

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from dgops import settings
from dgops.cli.gather import gather
from dgops.cli.main import cli
from dgops.dataset.manifest import Digests
from dgops.errors import ConfigError, UsageError
from dgops.training import prepare

TABLE = '[gather.amira]\nsource = "photos"\ntrigger = "amiranoor"\ncrop = "none"\n'


@pytest.fixture
def repository(tmp_path):
    """Return a repository with photographs, the configuration of a set, and a recipe that imports it."""
    (tmp_path / "photos").mkdir()
    for seed in range(3):
        blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((400, 300), Image.Resampling.NEAREST).save(tmp_path / f"photos/p{seed}.png")
    (tmp_path / "dgops.toml").write_text(TABLE)
    (tmp_path / "amira.yml").write_text("kind: train\ntrainer: tiny\ndataset: outputs/amira\n")
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(gather, arguments, obj=settings.load())


def test_a_recipe_finds_the_set_where_the_configuration_says(repository):
    done = invoke()
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("dataset amira  here\n")
    assert "look: outputs/amira/07_summary/amira_contact_sheet.png" in done.stdout
    made = prepare.ready(repository / "amira.yml")
    assert (made.dataset.images, made.recipe.trigger) == (3, "amiranoor")


def test_a_second_run_does_nothing_again(repository):
    assert invoke("amira").exit_code == 0
    before = Digests().of_folder(repository / "outputs")
    stamps = {path: path.stat().st_mtime_ns for path in (repository / "outputs").rglob("*")}
    done = invoke("amira", "--json")
    assert done.exit_code == 0
    assert all(one["held"] for one in json.loads(done.stdout)["stages"])
    assert Digests().of_folder(repository / "outputs") == before
    assert {path: path.stat().st_mtime_ns for path in (repository / "outputs").rglob("*") if path in stamps} == stamps


def test_from_a_folder_below_the_set_lies_at_the_same_path(repository, monkeypatch):
    monkeypatch.chdir(repository / "photos")
    done = invoke("--json")
    assert json.loads(done.stdout)["output"] == str(repository / "outputs/amira")
    assert (repository / "outputs/amira/06_publish/256").is_dir()
    assert not (repository / "photos/outputs").exists()


def test_a_set_that_falls_short_ends_with_1_and_mistakes_with_2(repository):
    (repository / "dgops.toml").write_text(TABLE + "target = 9\n")
    done = invoke()
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error: amira FAILED in 04_clean" in done.stderr
    (repository / "dgops.toml").write_text(TABLE + "target = -1\nsize = 3\n")
    done = invoke()
    assert isinstance(done.exception, ConfigError)
    assert len(done.exception.problems) == 2
    assert isinstance(invoke("other").exception, UsageError)


def test_a_host_that_nobody_knows(repository):
    done = invoke("--host", "pod")
    assert isinstance(done.exception, UsageError)
    assert not (repository / "outputs").exists()


def test_it_is_among_the_commands_and_loads_nothing_heavy():
    assert CliRunner().invoke(cli, ["gather", "--help"]).exit_code == 0
    look = [sys.executable, "-c", "import sys, dgops.cli.gather; print(*sys.modules)"]
    done = subprocess.run(look, capture_output=True, text=True, check=True, timeout=60)
    assert not {"numpy", "cv2", "PIL", "yaml", "fabric"} & set(done.stdout.split())
