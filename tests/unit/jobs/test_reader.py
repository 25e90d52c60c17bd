"""What every kind of recipe is read by: texts as they are written, and each mistake at its line and key."""

from pathlib import Path

import pytest

from dgops.errors import ConfigError
from dgops.jobs.reader import Reader, text_of

KEYS = ("kind", "command", "steps", "inputs", "env")


def read(text):
    reader = Reader(Path("r.yml"), {}, [], KEYS, "a hint")
    reader.open(text)
    return reader


def test_scalars_stay_what_they_are():
    reader = read("kind: 010\ninputs: [yes, 1.0]\nenv: {A: no}\nsteps: -3\ncommand: make all\n")
    assert (reader.text("kind"), reader.words("inputs"), reader.variables()) == ("010", ["yes", "1.0"], {"A": "no"})
    assert reader.number("steps", -5, 5, 0) == -3
    assert reader.command("command", required=True) == ("sh", "-c", "make all")
    assert reader.problems == []


def test_what_is_not_there_is_its_default():
    reader = read("{}")
    assert (reader.text("kind"), reader.words("inputs"), reader.variables()) == ("", [], {})
    assert (reader.number("steps", 0, 5, 4), reader.command("command", required=False)) == (4, None)
    assert reader.problems == []


@pytest.mark.parametrize(
    ("text", "ask", "problem"),
    [
        ("a: 1", lambda _: None, "r.yml:1: a: unknown key (known: kind, command, steps, inputs, env)"),
        ("kind: a\nkind: b", lambda _: None, "r.yml:1: kind: given twice"),
        ("kind: [a]", lambda one: one.text("kind"), "r.yml:1: kind: is no text"),
        ("{}", lambda one: one.text("kind", required=True), "r.yml: kind: missing"),
        ("inputs:\n  a: 1", lambda one: one.words("inputs"), "r.yml:2: inputs: is no list"),
        ("inputs:\n- [a]", lambda one: one.words("inputs"), "r.yml:2: inputs: holds something that is no text"),
        (
            "steps: many",
            lambda one: one.number("steps", 1, 9, 1),
            "r.yml:1: steps: 'many' is no whole number from 1 to 9",
        ),
        ("steps: 10", lambda one: one.number("steps", 1, 9, 1), "r.yml:1: steps: '10' is no whole number from 1 to 9"),
        ("env: {1A: b}", lambda one: one.variables(), "r.yml:1: env: '1A' is no name of a variable"),
        ("command: []", lambda one: one.command("command", required=True), "r.yml:1: command: is empty"),
    ],
)
def test_a_mistake_is_told_with_line_and_key(text, ask, problem):
    reader = read(text)
    ask(reader)
    assert reader.problems == [problem]


@pytest.mark.parametrize("text", ["- a", "a: [", "text", ""])
def test_what_is_no_mapping_at_all_ends_it(text):
    with pytest.raises(ConfigError, match=r"r\.yml") as caught:
        read(text)
    assert caught.value.hint == "a hint"


def test_a_file_that_cannot_be_one_is_told_with_the_readers_hint(tmp_path):
    with pytest.raises(ConfigError, match="none") as caught:
        text_of(tmp_path / "none.yml", "a hint")
    assert caught.value.hint == "a hint"
