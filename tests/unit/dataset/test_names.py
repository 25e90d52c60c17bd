"""Slugs, triggers and file names from whatever anybody calls a thing."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.dataset import names

CASES = Path(__file__).parents[2] / "cases/dataset"
SLUGS = json.loads((CASES / "slugs.json").read_text())
TRIGGERS = json.loads((CASES / "triggers.json").read_text())


@pytest.mark.parametrize("slug", SLUGS["good"])
def test_slugs_that_are_taken(slug):
    assert names.slug_problem(slug) == ""


@pytest.mark.parametrize("slug", SLUGS["bad"])
def test_slugs_that_are_refused(slug):
    problem = names.slug_problem(slug)
    assert "slug" in problem
    assert not names.UNSEEN.search(problem)


@pytest.mark.parametrize("trigger", TRIGGERS["good"])
def test_triggers_that_are_taken(trigger):
    assert names.trigger_problem(trigger) == ""


@pytest.mark.parametrize("trigger", TRIGGERS["bad"])
def test_triggers_that_are_refused(trigger):
    assert "trigger" in names.trigger_problem(trigger)


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("IMG_1234.JPG", "IMG_1234"),
        ("a/b/Zoë à la plage.png", "Zoe_a_la_plage"),
        ("🙂.jpg", "image"),
        ("con.png", "image-con"),
        ("a\nb.png", "a_b"),
        ("..hidden", "image"),
        ("x" * 300 + ".jpg", "x" * 48),
        ("v1.2.final.jpg", "v1_2_final"),
    ],
)
def test_a_safe_stem(path, stem):
    assert names.safe_stem(path) == stem


def test_names_that_would_meet_are_told_apart_by_their_own_paths():
    few = names.safe_stems(["a/x.jpg", "b/X.png", "y.jpg"])
    more = names.safe_stems(["a/x.jpg", "b/X.png", "c/x.gif", "y.jpg"])
    assert few["y.jpg"] == "y"
    assert few["a/x.jpg"].startswith("x-")
    assert {path: more[path] for path in few} == few


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=80), max_size=12, unique=True))
def test_whatever_they_are_called_names_are_safe_and_differ(paths):
    stems = names.safe_stems(paths)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,120}", stem) for stem in stems.values())
    assert not {stem.lower() for stem in stems.values()} & names.RESERVED
    assert len({stem.lower() for stem in stems.values()}) == len(paths)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.text(max_size=70))
def test_a_slug_that_is_taken_is_one_plain_folder_name(slug):
    if not names.slug_problem(slug):
        assert Path(slug).name == slug
        assert re.fullmatch(r"[A-Za-z0-9_-]+", slug)
