"""Option tables: what the real parsers take, kept as data, and an argv looked at against them."""

import pytest

from dgops.training import options
from dgops.training.options import TABLES, Option, Parser, parser

SDXL = parser("sd-scripts-v0.9.1", "sdxl_train_network.py")
SMALL = Parser(
    "x.py",
    {
        one.name: one
        for one in (
            Option("--rank", "int"),
            Option("--rate", "float"),
            Option("--warm", "number"),
            Option("--args", "str", nargs="*"),
            Option("--mode", "str", choices=("a", "b")),
            Option("--on", "flag"),
            Option("--data", "str", required=True),
        )
    },
)


@pytest.mark.parametrize(
    "path", sorted({*TABLES.glob("*.json")} - {*TABLES.glob("ai-toolkit-*")}), ids=lambda path: path.stem
)
def test_a_table_says_where_it_is_from(path):
    table = options.read(path.stem)
    assert path.stem == f"{table['trainer']}-{table['release']}"
    assert len(table["commit"]) == 40
    for script, found in table["scripts"].items():
        assert parser(path.stem, script).options.keys() == found.keys()
        assert {one["type"] for one in found.values()} <= {"flag", "str", "int", "float", "number"}
        assert len(found) >= 8


def test_what_is_taken():
    argv = "--data d --rank 4 --rate 1e-4 --warm 0.1 --args a=1 b=2 --mode b --on --rank=8 --rate -1"
    assert SMALL.complaints(argv.split()) == []


@pytest.mark.parametrize(
    ("argv", "wrong"),
    [
        ("--data d --rank 4.5", "--rank: '4.5' is no int"),
        ("--data d --rank", "--rank: takes one value, not 0"),
        ("--data d --rank 1 2", "--rank: takes one value, not 2"),
        ("--data d --mode c", "--mode: 'c' is none of a, b"),
        ("--data d --on yes", "--on: takes no value"),
        ("--data d --rnak 4", "--rnak: no option of x.py (did you mean --rank"),
        ("--data d --rat 1", "--rat: no option of x.py (did you mean --rate"),
        ("--rank 1", "--data: missing"),
        ("d --data d", "d: no option of x.py"),
        ("--data d --rate ten", "--rate: 'ten' is no float"),
    ],
)
def test_what_is_refused(argv, wrong):
    assert wrong in "; ".join(SMALL.complaints(argv.split()))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("on", "true", ["--on"]),
        ("on", "false", []),
        ("args", "a=1 'b=2 3'", ["--args", "a=1", "b=2 3"]),
        ("rate", "-1", ["--rate", "-1"]),
    ],
)
def test_words_of_a_recipe(key, value, words):
    assert SMALL.words(key, value) == words


@pytest.mark.parametrize(("key", "value"), [("on", "perhaps"), ("rank", "x"), ("nope", "1"), ("args", "--rank 3")])
def test_words_that_are_refused(key, value):
    with pytest.raises(ValueError, match=r"neither|is no|no option|begins"):
        SMALL.words(key, value)


def test_the_documented_learning_rates_of_sdxl_are_none_of_its_options():
    """Upstream's page writes --text_encoder_lr1, which its own parser refuses; how many one takes differs too."""
    newer = parser("sd-scripts-v0.10.1", "sdxl_train_network.py")
    assert SDXL.complaints(["--text_encoder_lr1", "1"])
    assert newer.complaints(["--text_encoder_lr1", "1"])
    assert SDXL.complaints(["--text_encoder_lr", "1", "1"]) == ["--text_encoder_lr: takes one value, not 2"]
    assert newer.complaints(["--text_encoder_lr", "1", "1"]) == []


def test_the_table_of_a_trainer_without_a_command_line():
    """ai-toolkit reads a YAML, and ignores keys that it does not know."""
    table = options.read("ai-toolkit-27a03a91")
    assert len(table["commit"]) == 40
    assert {"network", "save", "datasets", "train", "model", "sample", "logging"} <= table["sections"].keys()
