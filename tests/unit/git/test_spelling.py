"""Spellings of .git and of each other, as the file systems of other machines read them."""

import pytest

from dgops.git.spelling import fold, is_git


@pytest.mark.parametrize(
    "name",
    [".git", ".GIT", ".git.", ".git ", ".git . ", ".g\u200cit", "\ufeff.git", ".git::$INDEX_ALLOCATION", ".git:x",
     ".git\\hooks", "git~1", "GIT~12", "\uff0egit"],
)  # fmt: skip
def test_git_by_another_name(name):
    assert is_git(name)


@pytest.mark.parametrize("name", [".gitignore", "git", ".github", "agit~1", "git~", "git~x", "x.git", "legit"])
def test_other_names(name):
    assert not is_git(name)


@pytest.mark.parametrize(
    ("one", "other"), [("A/b", "a/B"), ("caf\u00e9", "cafe\u0301"), ("a\u200b", "a"), ("\ufb01", "fi")]
)
def test_one_name_on_some_disk(one, other):
    assert fold(one) == fold(other)


def test_two_names_stay_two():
    assert fold("a/b") != fold("ab")
