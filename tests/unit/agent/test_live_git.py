"""Locks that git left behind, found in real repositories beside real git processes."""

import os
import subprocess
import time

import pytest

from dgops.agent import live_git


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, timeout=30)


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "apps/deadly"
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    return folder


def lock(folder, age=7200):
    path = folder / "index.lock"
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


def look(*roots):
    return live_git.git_lock({"roots": [str(root) for root in roots]})


def test_no_lock(repository, tmp_path):
    assert look(tmp_path) == {"repositories": 1, "locks": []}


def test_a_lock_and_its_age(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(live_git, "_git_at", list)
    path = lock(repository / ".git")
    (found,) = look(tmp_path, repository)["locks"]
    assert (found["path"], found["alive"]) == (str(path), False)
    assert 7200 <= found["age"] < 7300


def test_a_git_at_work_there_keeps_it(repository, tmp_path):
    lock(repository / ".git")
    subprocess.run(["mkdir", "-p", repository / "src"], check=True, timeout=10)
    # Waits for its input.
    at_work = subprocess.Popen(["git", "hash-object", "--stdin"], cwd=repository / "src", stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 20
        while not any(one["alive"] for one in look(tmp_path)["locks"]) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [one["alive"] for one in look(tmp_path)["locks"]] == [True]
    finally:
        at_work.communicate(timeout=20)


@pytest.mark.parametrize(
    ("places", "alive"),
    [(["/elsewhere"], False), ([None], True), (["{0}"], True), (["{0}/src"], True), (["{0}-other"], False)],
)
def test_whose_git_it_is(repository, tmp_path, monkeypatch, places, alive):
    lock(repository / ".git")
    monkeypatch.setattr(live_git, "_git_at", lambda: [one and one.format(repository) for one in places])
    assert [one["alive"] for one in look(tmp_path)["locks"]] == [alive]


def test_a_lock_that_goes_while_it_is_looked_at(repository, tmp_path, monkeypatch):
    path = lock(repository / ".git")
    monkeypatch.setattr(live_git, "_git_at", lambda: path.unlink() or [])
    assert look(tmp_path) == {"repositories": 1, "locks": []}


def test_a_worktree_has_its_lock_elsewhere(repository, tmp_path):
    git(repository, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "--allow-empty", "-m", "x")
    git(repository, "worktree", "add", "-q", tmp_path / "tree")
    path = lock(repository / ".git/worktrees/tree")
    assert [one["path"] for one in look(tmp_path / "tree")["locks"]] == [str(path)]


def test_where_is_not_looked(repository, tmp_path):
    hidden = tmp_path / ".cache/repo"
    deep = tmp_path / "a/b/c"
    for folder in (hidden, deep):
        (folder / ".git").mkdir(parents=True)
    (tmp_path / "link").symlink_to(repository)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/.git").write_text("rubbish")
    assert look(tmp_path)["repositories"] == 2
    assert look(tmp_path / "none") == {"repositories": 0, "locks": []}


def test_looking_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(live_git, "MOST_FOLDERS", 3)
    for name in "abcdef":
        (tmp_path / name / ".git").mkdir(parents=True)
    assert look(tmp_path)["repositories"] == 2
