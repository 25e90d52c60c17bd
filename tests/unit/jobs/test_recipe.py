"""Recipes: what is written is what is run; every mistake at once, and never a surprise."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.errors import ConfigError
from dgops.jobs import reader, recipe
from dgops.jobs.recipe import input_of, load, output_of, parse

CASES = Path(__file__).parents[2] / "cases/recipes"
GOOD = sorted((CASES / "good").glob("*.yml"))
BAD = sorted((CASES / "bad").glob("*.yml"))
MARK = "# expect "


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good(path):
    found = load(path)
    assert {
        "name": found.name,
        "argv": list(found.argv),
        "inputs": [one.path for one in found.inputs],
        "outputs": [one.path for one in found.outputs],
        "env": found.env,
        "secrets": list(found.secrets),
        "gpus": found.gpus.to_json() if found.gpus else None,
        "resume": list(found.resume) if found.resume else None,
        "priority": found.priority,
        "stall": found.stall.to_json() if found.stall else None,
        "environment": found.environment,
    } == json.loads(path.with_suffix(".json").read_text())
    assert all(one.local.is_relative_to(path.parent) for one in found.outputs)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad(path):
    expected = [line.removeprefix(MARK) for line in path.read_text().splitlines() if line.startswith(MARK)]
    assert expected
    with pytest.raises(ConfigError) as caught:
        load(path)
    for words in expected:
        assert any(problem.startswith(f"{path}{words}") for problem in caught.value.problems), caught.value.problems
    assert len(caught.value.problems) <= len(expected) + 1


def test_a_file_that_is_none(tmp_path):
    for path in (tmp_path / "none.yml", tmp_path):
        with pytest.raises(ConfigError):
            load(path)
    (tmp_path / "big.yml").write_text("#" * (reader.LARGEST + 1))
    (tmp_path / "latin.yml").write_bytes(b"kind: \xe9")
    for name in ("big.yml", "latin.yml"):
        with pytest.raises(ConfigError, match=name):
            load(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "name"),
    [("a/b", "a/b"), ("./a/", "a"), ("/etc/hosts", "hosts"), ("../x/y", "y"), (".", "here"), ("a/../b", "b")],
)
def test_what_an_input_is_called(tmp_path, text, name):
    here = tmp_path / "here"
    here.mkdir()
    assert input_of(text, here).path == name


@pytest.mark.parametrize("text", ["", ".", "..", "a/../b", "/a", "a\0b", "a\\b"])
def test_outputs_stay_below(text):
    with pytest.raises(ValueError, match="below the job's work folder"):
        output_of(text, Path("/here"))


def test_a_bottomless_recipe_ends():
    for text in (
        "[" * 2000,
        "a: &a [*a]",
        "inputs: &a [*a, *a]",
        "kind: !!python/object:os.system x",
        "\ud800",
        "\x00",
    ):
        with pytest.raises(ConfigError):
            parse(text, Path("r.yml"))


KEYS = st.sampled_from([*recipe.KEYS, "other"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["script", "ls", "id:0", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(derandomize=True, max_examples=120, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=6).map(json.dumps) | st.text(max_size=60))
def test_rubbish_is_a_config_error_or_a_recipe(text):
    try:
        found = parse(text, Path("/here/r.yml"))
    except ConfigError:
        return
    assert found.argv
    assert all(isinstance(word, str) for word in found.argv)
    assert all(".." not in one.path.split("/") for one in found.outputs)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.binary(max_size=60))
def test_bytes_are_a_config_error_or_a_recipe(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "rubbish.yml"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        load(path)
