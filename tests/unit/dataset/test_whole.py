"""Whether a set at home is whole and made of what is asked for: nothing to do, or why it has to be made."""

import json
import shutil
from dataclasses import replace

import pytest

from dgops.dataset import whole


@pytest.fixture
def made(run, options):
    assert run().ok
    return options()


def test_no_set_and_a_whole_one(options, run):
    assert whole.lacking(options()) == "no set there yet"
    assert run().ok
    assert whole.lacking(options()) == ""


def test_what_comes_home_from_a_host_is_enough(made):
    shutil.rmtree(made.root / "03_validate")
    for name in ("01_scrape", "02_crop", "04_clean", "05_caption"):
        for path in (made.root / name).iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "manifest.json":
                path.unlink()
    assert whole.lacking(made) == ""


@pytest.mark.parametrize("name", ["06_publish/1024", "07_summary/amira_captions.txt", "06_publish/config_linux.toml"])
def test_what_is_gone_is_named(made, name):
    path = made.root / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert whole.lacking(made).startswith(name)
    assert "is gone" in whole.lacking(made)


@pytest.mark.parametrize("name", whole.RECORDS)
def test_a_stage_without_its_manifest_is_not_there(made, name):
    (made.root / name / "manifest.json").write_text("{")
    assert whole.lacking(made) == ("no set there yet" if name == "01_scrape" else f"{name} is not there")


def test_a_caption_that_somebody_edited_makes_it_no_other_set(made):
    next((made.root / "06_publish/256").glob("*.txt")).write_text("amiranoor, my own words")
    assert whole.lacking(made) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"crop": "face"}, "crop is face now, and was none"),
        ({"trigger": "noor"}, "trigger is noor now, and was amiranoor"),
        ({"target": 3}, "target is 3 now, and was None"),
    ],
)
def test_another_wish_is_told(made, change, words):
    assert whole.lacking(replace(made, **change)) == words


def test_photographs_that_came_went_or_changed(made, source):
    (source / "p0.jpg").rename(source / "new.jpg")
    shutil.copy(source / "p1.jpg", source / "p2.jpg")
    assert whole.lacking(made) == "photographs: 1 new, 1 changed, 1 gone"


def test_a_link_among_them_counts_for_nothing(made, source):
    (source / "link.jpg").symlink_to("p0.jpg")
    assert whole.lacking(made) == ""


def test_a_manifest_of_another_shape_is_no_proof(made):
    path = made.root / "01_scrape/manifest.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "parameters": {}}))
    assert whole.lacking(made) == "photographs: 4 new"
