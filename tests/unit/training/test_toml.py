"""TOML that we write is read back as it was, by Python's reader."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.errors import DgopsError
from dgops.training.toml import render

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# A lone surrogate is no text that any file can hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
PLAIN = st.one_of(TEXT, st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
LEAF = st.one_of(PLAIN, st.lists(st.integers(0, 9), max_size=3), st.lists(TEXT, max_size=3))
TABLE = st.dictionaries(TEXT, LEAF, max_size=5)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.dictionaries(TEXT, st.one_of(LEAF, TABLE, st.lists(TABLE, min_size=1, max_size=3)), max_size=5))
def test_round_trip(document):
    assert tomllib.loads(render(document)) == document


@pytest.mark.parametrize(
    "text",
    [
        r"C:\AI\new photos\table",
        r"\\wsl.localhost\Debian\home",
        'say "hello"',
        "it's",
        "#1 of #2",
        "naïve 日本語 🎈",
        "a\tb\nc",
        "[name] = 1",
        '"""',
        "\x7f",
        "",
    ],
)
def test_texts_that_break_writers(text):
    assert tomllib.loads(render({"datasets": [{"image_dir": text, "subsets": [{"class_tokens": text}]}]}, text)) == {
        "datasets": [{"image_dir": text, "subsets": [{"class_tokens": text}]}]
    }


def test_a_list_of_tables_within_a_list_of_tables():
    text = render({"general": {"a": 1}, "datasets": [{"b": 2, "subsets": [{"c": 3}, {"c": 4}]}]}, "made\nby hand")
    assert text.splitlines() == [
        "# made",
        "# by hand",
        "",
        "[general]",
        "a = 1",
        "",
        "[[datasets]]",
        "b = 2",
        "",
        "[[datasets.subsets]]",
        "c = 3",
        "",
        "[[datasets.subsets]]",
        "c = 4",
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number(value):
    with pytest.raises(DgopsError):
        render({"a": value})
