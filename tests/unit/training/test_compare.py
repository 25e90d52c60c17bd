"""Two trainings side by side: found by the beginnings of their names, what differs, curves and samples drawn."""

import json

import pytest
from PIL import Image

from dgops.errors import UsageError
from dgops.training import card, compare

SAID = {"optimizer": "adamw", "rank": 8, "optimizer_args": []}


@pytest.fixture
def models(tmp_path):
    def make(name, losses=(1.0, 0.5), samples=(), **parameters):
        folder = tmp_path / "models" / name
        (folder / "samples").mkdir(parents=True)
        found = {
            "run": name,
            "recipe": {"trainer": "tiny", "parameters": {**SAID, **parameters}},
            "dataset": {"digest": "d", "sources": {f"{name}.jpg": {"file": name}}},
            "training": {"steps": 2, "loss": losses[-1] if losses else None},
        }
        (folder / card.NAME).write_text(json.dumps(found))
        rows = [json.dumps({"step": step, "loss": loss}) for step, loss in enumerate(losses, 1)]
        (folder / "metrics.jsonl").write_text("\n".join(rows))
        for at, colour in enumerate(samples):
            Image.new("RGB", (256, 128), colour).save(folder / f"samples/a_{at:06d}.png")
        return folder

    make.folder = tmp_path / "models"
    return make


def test_found_by_folder_name_and_the_beginning_of_one(models):
    folder = models("amira-0123")
    for text in (str(folder), "amira-0123", "am"):
        found = compare.find(text, models.folder)
        assert (found.name, found.losses) == ("amira-0123", [(1, 1.0), (2, 0.5)])


def test_one_that_is_not_clear_or_not_there(models):
    models("amira-0123")
    models("amira-4567")
    (models.folder / "amira-89ab").mkdir()
    with pytest.raises(UsageError, match="begins several trainings: amira-0123, amira-4567") as caught:
        compare.find("amira", models.folder)
    assert caught.value.hint == "type one more letter"
    for text in ("bert", "amira-89ab"):
        with pytest.raises(UsageError, match="no finished training"):
            compare.find(text, models.folder)


def test_what_differs_and_nothing_else(models):
    left, right = compare.find(str(models("a"))), compare.find(str(models("b", rank=16, optimizer_args=["x=1", "y=2"])))
    assert compare.differences(left, right) == [
        ("recipe.parameters.rank", "8", "16"),
        ("recipe.parameters.optimizer_args", "", "x=1, y=2"),
    ]
    assert compare.differences(left, left) == []


def test_what_only_one_has_is_said(models):
    left, right = compare.find(str(models("a"))), compare.find(str(models("b", extra="1")))
    assert compare.differences(left, right) == [("recipe.parameters.extra", "-", "1")]


def test_drawn(models, tmp_path):
    left = compare.find(str(models("a", samples=["red"] * 8)))
    right = compare.find(str(models("b", samples=["blue"])))
    curve, sheet = compare.draw(left, right, tmp_path / "out/deep")
    with Image.open(curve) as image:
        assert image.size == (960, 480)
    with Image.open(sheet) as image:
        # The six newest of the one, the only one of the other.
        assert image.size == (6 * 200 + 8, 2 * 222 + 8)
        assert image.getpixel((20, 40)) == (255, 0, 0)
        assert image.getpixel((20, 262)) == (0, 0, 255)
        assert image.getpixel((220, 262)) == (255, 255, 255)


def test_without_samples_and_losses_there_is_a_curve_all_the_same(models, tmp_path):
    left, right = compare.find(str(models("a", losses=()))), compare.find(str(models("b", losses=())))
    assert [one.name for one in compare.draw(left, right, tmp_path / "out")] == ["loss.png"]
