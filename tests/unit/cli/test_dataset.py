"""dgops run dataset: what is shown, the JSON, the exit code."""

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from dgops import settings
from dgops.cli.dataset import dataset
from dgops.errors import UsageError

LIGHT = "import sys, dgops.cli.dataset; print(*sys.modules)"


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(3):
        blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((400, 300), Image.Resampling.NEAREST).save(folder / f"p{seed}.png")
    (folder / "note.txt").write_text("hello")
    return folder


@pytest.fixture
def invoke(photos):
    def run(*arguments, **more):
        asked = {"slug": "amira", "source": photos, "trigger": "amiranoor", "crop": "none", **more}
        argv = [str(one) for key, value in asked.items() for one in (f"--{key}", value) if value is not None]
        return CliRunner().invoke(dataset, [*argv, *arguments], obj=settings.load())

    return run


def test_a_line_for_each_stage_and_where_to_look(invoke):
    result = invoke()
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    assert lines[0] == "dataset amira  here"
    assert [line.split()[0] for line in lines[1:8]] == [
        "01_scrape",
        "02_crop",
        "03_validate",
        "04_clean",
        "05_caption",
        "06_publish",
        "07_summary",
    ]
    assert "4 → 3       1 not an image" in lines[1]
    assert "nothing shipped" in lines[8]
    assert result.stdout.startswith("done in ")
    assert result.stdout.rstrip().endswith("3 images    look: outputs/amira/07_summary/amira_contact_sheet.png")


def test_what_is_reused_is_held(invoke):
    invoke()
    assert sum(line.endswith("held") for line in invoke().stderr.splitlines()) == 7


def test_regularisation_images_are_a_set_of_their_own_and_no_trainer_gets_them(invoke, tmp_path, monkeypatch):
    trainer = tmp_path / "trainer"
    trainer.mkdir()
    monkeypatch.setenv("DGOPS_PUBLISH_LINUX", str(trainer))
    assert invoke().exit_code == 0
    shipped = sorted(trainer.iterdir())
    result = invoke("--class", "a woman", trigger=None)
    assert result.exit_code == 0, result.output
    assert "regularisation images are named by a recipe" in result.stderr
    assert sorted(trainer.iterdir()) == shipped
    captions = list((tmp_path / "outputs/amira-class/06_publish/1024").glob("*.txt"))
    assert len(captions) == 3
    assert {path.read_text() for path in captions} == {"a woman, a photo\n"}
    assert (tmp_path / "outputs/amira/06_publish/trigger_word.txt").read_text() == "amiranoor\n"


@pytest.mark.parametrize("trigger", ["amiranoor", None])
def test_a_set_has_a_trigger_or_a_class(invoke, trigger):
    result = invoke(*(("--class", "a woman") if trigger else ()), trigger=trigger)
    assert isinstance(result.exception, UsageError)
    assert "one of --trigger and --class" in str(result.exception)


def test_json_is_all_there_is_on_stdout(invoke):
    result = invoke("--json")
    value = json.loads(result.stdout)
    assert result.stderr == ""
    assert (value["ok"], value["kept"], value["failed"]) == (True, 3, None)
    assert value["stages"][0]["reasons"] == {"not an image": 1}
    assert [one["name"] for one in value["stages"]][-1] == "07_summary"
    assert len(value["summary"]) == 2


def test_a_failed_run_says_what_failed_first_and_ends_with_1(invoke):
    result = invoke(target=9)
    assert result.exit_code == 1
    assert result.stdout == ""
    said = result.stderr[result.stderr.index("error:") :]
    assert said.startswith("error: amira FAILED in 04_clean: 3 images left; 9 were asked for and 7 are the least")
    assert "hint:" in said


def test_a_failed_run_as_json(invoke):
    result = invoke("--json", target=9)
    value = json.loads(result.stdout)
    assert (result.exit_code, value["ok"]) == (1, False)
    assert value["failed"]["stage"] == "04_clean"


@pytest.mark.parametrize(
    ("option", "value"), [("slug", "a b"), ("slug", "a/b"), ("trigger", "a,b"), ("source", "gone")]
)
def test_mistakes_of_the_command(invoke, option, value):
    assert isinstance(invoke(**{option: value}).exception, UsageError)


def test_an_option_that_is_missing(invoke):
    assert invoke(crop=None).exit_code == 2
    assert invoke(crop="ears").exit_code == 2
    assert invoke(target=0).exit_code == 2


def test_the_summary_goes_to_another_folder_as_well(invoke, tmp_path):
    assert invoke("--output-dir", str(tmp_path / "sheets"), output=tmp_path / "o").exit_code == 0
    assert (tmp_path / "sheets/amira_contact_sheet.png").is_file()
    assert (tmp_path / "o/amira/07_summary").is_dir()


def test_drift_is_a_hosts(invoke):
    done = invoke("--allow-drift")
    assert isinstance(done.exception, UsageError)
    assert done.exception.hint == "name it with --host"


def test_the_command_loads_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, timeout=60)
    assert not {"numpy", "cv2", "PIL", "yaml", "fabric"} & set(done.stdout.split())


@pytest.mark.parametrize("option", ["source", "output"])
def test_an_empty_path_is_told(invoke, option):
    done = invoke(**{option: ""})
    assert isinstance(done.exception, UsageError)
    assert done.exception.message == f"--{option} is empty"
