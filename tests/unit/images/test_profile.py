"""A profile is refused before anything is started where its lock or its index is not to be had."""

import pytest

from dgops.environments import locking, tables
from dgops.errors import DgopsError, UsageError
from dgops.images import profile

LOCKS = {
    "never made": (None, "which was never made"),
    "incomplete": ("# incomplete: torch==2.5.1+cu121\nnumpy==1\n", r"lacks torch==2\.5\.1\+cu121"),
}


@pytest.fixture
def locks(tmp_path, monkeypatch):
    """The folder of locks, as in this tree but for the captioners' own lock."""
    real = tables.folder("locks")
    (tmp_path / "caption.in").write_text((real / "caption.in").read_text())
    monkeypatch.setattr(tables, "folder", lambda name: tmp_path if name == "locks" else real.parent / name)
    return tmp_path


def test_without_a_profile_nothing_of_torch_is_asked_for():
    assert profile.variables(None) == {"dgops_mode": "fast-test"}


def test_an_unknown_one_is_a_usage_error():
    with pytest.raises(UsageError, match="cu999"):
        profile.variables("cu999")


@pytest.mark.parametrize(("text", "words"), LOCKS.values(), ids=LOCKS)
def test_a_lock_that_is_not_whole(locks, text, words):
    if text:
        (locks / "caption.txt").write_text(text)
    with pytest.raises(DgopsError, match=words) as caught:
        profile.variables("cu121")
    assert "dgops env lock caption" in caught.value.hint


def test_an_index_that_does_not_answer(locks, monkeypatch):
    (locks / "caption.txt").write_text("torch==2.5.1+cu121\n")
    monkeypatch.setattr(locking, "unreachable", lambda index: f"{index} could not be reached: no route")
    with pytest.raises(DgopsError, match=r"has no source: .*no route"):
        profile.variables("cu121")


def test_a_whole_one_brings_the_captioners_venv(locks, monkeypatch):
    (locks / "caption-cu126.txt").write_text("torch==2.13.0+cu126\n")
    monkeypatch.setattr(locking, "unreachable", lambda index: "")
    found = profile.variables("cu126")
    assert found["dgops_profile"] == "cu126"
    assert [venv["lock"] for venv in found["python_env__venvs"]] == ["runtime", "caption-cu126"]
    assert found["python_env__venvs"][1]["torch"] is True
