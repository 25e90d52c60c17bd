"""dgops recipes: what is listed, shown, copied and refused."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dgops.cli.recipes import recipes
from dgops.errors import ConfigError, UsageError
from dgops.training import prepare, recipe


def run(*words):
    return CliRunner().invoke(recipes, words)


def test_the_list_holds_every_recipe_and_what_cannot_be_trained():
    done = run("list")
    assert done.exit_code == 0
    rows = [line.split() for line in done.stdout.splitlines() if line]
    assert [row[0] for row in rows[1 : 1 + len(prepare.names())]] == prepare.names()
    assert any(row[:3] == ["dora", "not", "supported"] for row in rows)
    assert next(row for row in rows if row[0] == "sdxl")[-1] == "2500"
    found = json.loads(run("list", "--json").stdout)
    assert [one["name"] for one in found["recipes"]] == prepare.names()
    assert {one["name"] for one in found["capabilities"]} >= {"lora", "dora", "video"}


def test_a_recipe_is_shown_as_written_and_resolved():
    text = prepare.find("tiny").read_text()
    assert run("show", "tiny").stdout == text
    found = json.loads(run("show", "tiny", "--json").stdout)
    assert (found["trainer"], found["preset"], found["parameters"]["steps"] > 0) == ("tiny", "balanced", True)


def test_a_name_that_is_none_names_what_was_meant():
    done = run("show", "sdlx")
    assert isinstance(done.exception, UsageError)
    assert "sdxl" in done.exception.hint + done.exception.message


def test_a_copy_names_its_set_and_is_never_written_over(tmp_path):
    done = run("new", "amira", "--from", "sdxl", "--dataset", "outputs/amira")
    assert (done.exit_code, done.stdout) == (0, "amira.yml\n")
    assert "dgops train plan amira.yml" in done.stderr
    made = recipe.load(Path("amira.yml"))
    assert (made.trainer, made.dataset) == ("sd-scripts", str(tmp_path / "outputs/amira"))
    Path("amira.yml").write_text("mine")
    assert isinstance(run("new", "amira").exception, UsageError)
    assert Path("amira.yml").read_text() == "mine"


def test_a_copy_under_a_name_that_no_run_can_have_is_not_made():
    assert isinstance(run("new", "a b").exception, ConfigError)
    assert list(Path().glob("*.yml")) == []


def test_every_mistake_of_every_file_at_once():
    Path("good.yml").write_text("kind: train\ntrainer: tiny\n")
    Path("one.yml").write_text("kind: train\ntrainer: tiny\nrank: 0\nstepz: 3\n")
    Path("two.yml").write_text("kind: train\ntrainer: huge\n")
    done = run("validate", "good.yml", "one.yml", "two.yml")
    assert isinstance(done.exception, ConfigError)
    problems = done.exception.problems
    assert [one.partition(":")[0] for one in problems] == sorted(one.partition(":")[0] for one in problems)
    for words in ("one.yml:3: rank", "one.yml:4: stepz", "two.yml:2: trainer"):
        assert any(one.startswith(words) for one in problems), (words, problems)
    assert done.stdout == "good.yml  ok\n"
    done = run("validate", "good.yml", "one.yml", "--json")
    assert done.exit_code == 2
    assert (json.loads(done.stdout)["ok"], len(json.loads(done.stdout)["problems"])) == (False, 2)
    done = run("validate", "tiny", "good.yml", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"ok": True, "problems": []})


@pytest.mark.parametrize("words", [("validate",), ("show",), ("new",)])
def test_what_is_missing_is_a_usage_error(words):
    assert run(*words).exit_code == 2
