"""Names: none leads out, none reaches into .git, none is another's double."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.jobs import names


@pytest.mark.parametrize("path", ["a", "a/b.txt", "…", "a b", "-rf", ".hidden", "git", ".gitignore", "a" * 255])
def test_good(path):
    assert names.hostile(path) == ""


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\0", "a\nb", "a\\b", "\ud800"),
        *(
            ".git",
            "a/.GIT/hooks",
            ".git./x",
            ".git ",
            "GIT~1/x",
            ".g\u200bit/x",
            ".gi\u200ct",
            ".git::$INDEX_ALLOCATION/x",
        ),
        *("a" * 256, "é" * 128, "x/" * 3000 + "y"),
    ],
)
def test_hostile(path):
    assert names.hostile(path)


def test_an_input_may_hold_its_repository():
    assert names.complaint("photos/.git/HEAD") == ""


def test_clashing():
    assert names.clashing(["a/x", "A/y", "b"]) == [("a", "A")]
    assert names.clashing(["caf\u00e9", "cafe\u0301"]) == [("caf\u00e9", "cafe\u0301")]
    assert names.clashing(["a/x", "a/y", "a/x"]) == []


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_what_is_taken_stays_below(text):
    if not names.hostile(text):
        parts = text.split("/")
        assert not text.startswith("/")
        assert not {"", ".", "..", ".git"} & set(parts)
