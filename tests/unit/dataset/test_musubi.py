"""The configuration is one that musubi-tuner takes: its keys, in their places, with sound values."""

import json
import sys
from pathlib import Path

import pytest

from dgops.dataset import musubi
from dgops.errors import DgopsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CASES = json.loads((Path(__file__).parents[2] / "cases/dataset/musubi.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_it_takes_and_what_not(case):
    found = musubi.problems(case["config"])
    assert len(found) == len(case["problems"])
    for expected, problem in zip(case["problems"], found, strict=True):
        assert expected in problem


def test_what_is_written_is_what_was_meant():
    config = musubi.plan("C:/AI/apps/musubi-tuner/", "amira", 256, 31)
    read = tomllib.loads(musubi.render(config, "# head\n"))
    assert read == config
    assert read["datasets"] == [
        {
            "image_directory": "C:/AI/apps/musubi-tuner/256",
            "cache_directory": "C:/AI/apps/musubi-tuner/cache_amira",
        }
    ]
    assert read["general"]["num_repeats"] == 3


@pytest.mark.parametrize("folder", ['/a "b"', "/ä/日本", "/a'b", "/a b#c"])
def test_any_folder_can_be_written(folder):
    config = musubi.plan(folder, "amira", 256, 100)
    assert tomllib.loads(musubi.render(config, ""))["datasets"][0]["image_directory"] == f"{folder}/256"


def test_what_it_would_not_take_is_never_written():
    with pytest.raises(DgopsError, match="image_directory"):
        musubi.render(musubi.plan("/a\nb", "amira", 256, 100), "")


@pytest.mark.parametrize(("count", "repeats"), [(1, 100), (36, 3), (100, 1), (5000, 1)])
def test_a_small_set_is_repeated(count, repeats):
    assert musubi.plan("/d", "amira", 256, count)["general"]["num_repeats"] == repeats
