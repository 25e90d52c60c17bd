"""A tree, step by step: it ends, and nothing leads out of it."""

import contextlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.agent import tree
from dgops.agent.owner import Refusal


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tree, "MOST_FILES", 3)
    for number in range(4):
        (tmp_path / str(number)).write_bytes(b"")
    root = os.open(tmp_path, tree.FOLDER)
    with pytest.raises(Refusal, match="too many"):
        tree.digest(root, None)
    os.close(root)


def test_a_deep_tree_ends(tmp_path):
    here = os.open(tmp_path, tree.FOLDER)
    root = os.dup(here)
    for _ in range(tree.DEEPEST + 40):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", tree.FOLDER, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert [one["reason"] for one in tree.digest(root, None)["odd"]] == ["it lies too deep"]
    os.close(root)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["..", ".", "", "a", "b", "\0", "/", "é", " "]), max_size=5).map("/".join))
def test_whatever_is_asked_for_stays_below(tmp_path_factory, path):
    folder = tmp_path_factory.mktemp("root")
    root = os.open(folder, tree.FOLDER)
    with contextlib.suppress(Refusal, OSError):
        inner = tree.checked(path)
        assert os.path.normpath(os.path.join("/root", inner)).startswith("/root/")
        with tree.folder(root, inner, make=True) as made:
            assert os.readlink(f"/proc/self/fd/{made}").startswith(str(folder))
    os.close(root)
