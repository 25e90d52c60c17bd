"""A command line put together: the recipe's options over dgops' own values, and a table as the judge of all of it."""

from dataclasses import replace

import pytest

from dgops.errors import DgopsError
from dgops.training import command
from dgops.training.options import parser, read
from dgops.training.values import Parameters, Recipe

SDXL = parser("sd-scripts-v0.10.1", "sdxl_train_network.py")
LEAST = {"pretrained_model_name_or_path": "/m/x.safetensors", "network_module": "networks.lora"}
SAID = Parameters("adamw8bit", "constant", "bf16", 1e-4, 8, 8.0, 512, steps=10)
RECIPE = Recipe("amira", "sd-scripts", "sdxl", "quick", "d", "t", SAID)


def words(values=(), options=(), own=()):
    return command.argv({**LEAST, **dict(values)}, dict(options), SDXL, own)[4:]


@pytest.mark.parametrize(
    ("values", "options", "found"),
    [
        ({"sdpa": True, "xformers": False, "vae": None}, {}, ["--sdpa"]),
        ({"network_dim": 0}, {}, ["--network_dim", "0"]),
        ({"learning_rate": 1e-4}, {}, ["--learning_rate", "0.0001"]),
        ({"learning_rate": 1.0}, {}, ["--learning_rate", "1"]),
        ({"optimizer_args": ("a=1", "b=2")}, {}, ["--optimizer_args", "a=1", "b=2"]),
        ({"network_dim": 8}, {"network_dim": "16"}, ["--network_dim", "16"]),
        ({"sdpa": True}, {"sdpa": "false"}, []),
        ({}, {"network_args": "conv_dim=4 'a b=1'"}, ["--network_args", "conv_dim=4", "a b=1"]),
    ],
)
def test_words(values, options, found):
    assert words(values, options) == found


def test_options_that_are_none_of_the_command_lines_stay_away():
    assert words(options={"num_repeats": "4"}, own=("num_repeats",)) == []


def test_what_the_parser_would_refuse_is_refused_here_all_at_once():
    with pytest.raises(DgopsError, match=r"sdxl_train_network\.py would not take") as caught:
        words({"network_dim": "x", "nonsense": 1})
    assert "--network_dim: 'x' is no int" in caught.value.message
    assert "--nonsense: no option of" in caught.value.message


@pytest.mark.parametrize("key", command.OURS.split())
def test_what_dgops_decides_no_recipe_sets(key):
    ((at, why),) = command.complaints({key: "1"}, SDXL)
    assert (at, why) == (f"options.{key}", "is set by dgops, out of the recipe's other keys")


def test_what_dgops_decides_is_an_option_somewhere():
    known = set()
    for table in ("sd-scripts-v0.10.1", "sd-scripts-v0.9.1", "musubi-v0.3.4"):
        known |= {name for script in read(table)["scripts"].values() for name in script}
    assert [key for key in command.OURS.split() if f"--{key}" not in known] == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({}, None),
        ({"optimizer": "AdamW8bit"}, None),
        ({"optimizer": "bitsandbytes.optim.AdEMAMix8bit"}, None),
        ({"optimizer": "adem"}, "optimizer"),
        ({"scheduler": "never"}, "scheduler"),
        ({"precision": "fp8"}, "precision"),
        ({"optimizer": "Prodigy", "learning_rate": 0.1}, "learning_rate"),
        ({"optimizer": "Prodigy", "learning_rate": 1.0}, None),
        ({"optimizer_args": ("betas",)}, "optimizer_args"),
    ],
)
def test_parameters(change, key):
    recipe = replace(RECIPE, parameters=replace(SAID, **change))
    found = command.parameters(recipe, ("adamw8bit", "Prodigy"), ("constant",), ("bf16",))
    assert [one for one, _ in found] == ([key] if key else [])


@pytest.mark.parametrize("name", ["a/b", "-a", "", "a" * 101, "日本", "a b"])
def test_a_name_becomes_names_of_files(name):
    found = command.parameters(replace(RECIPE, name=name), ("adamw8bit",), ("constant",), ("bf16",))
    assert [one for one, _ in found] == ["name"]


@pytest.mark.parametrize(
    ("text", "on"),
    [("true", True), ("1", True), ("", True), ("0", False), ("0.0", False), ("Off", False), ("no", False)],
)
def test_asked(text, on):
    assert command.asked({"a": text}, "a") == on
    assert not command.asked({}, "a")
