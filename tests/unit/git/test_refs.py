"""Refs: all move or none, only from where they should be, and never while a block fails."""

import pytest

from dgops.errors import BusyError
from dgops.git import refs
from dgops.git.repository import GitError


@pytest.fixture
def second(repository):
    return repository.text("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "second")


def test_all_move_together(repository, second):
    first = refs.resolve(repository, "HEAD")
    with refs.moving(repository, {"refs/heads/main": (first, second), "refs/dgops/pod/x": (None, first)}, "why"):
        assert refs.resolve(repository, "main") == first
    assert (refs.resolve(repository, "main"), refs.resolve(repository, "refs/dgops/pod/x")) == (second, first)
    assert refs.is_ancestor(repository, first, second)
    assert not refs.is_ancestor(repository, "1" * 40, second)
    assert "why" in repository.text("reflog", "-1", "main")


def test_none_moves_where_one_is_elsewhere(repository, second):
    first = refs.resolve(repository, "HEAD")
    with pytest.raises(BusyError, match="moved while dgops was at work"):
        refs.move(repository, {"refs/dgops/pod/x": (None, first), "refs/heads/main": (second, first)}, "why")
    assert refs.resolve(repository, "refs/dgops/pod/x") is None
    with pytest.raises(BusyError):
        refs.move(repository, {"refs/heads/main": (None, second)}, "why")


def test_none_moves_where_the_block_fails(repository, second):
    first = refs.resolve(repository, "HEAD")
    with pytest.raises(ZeroDivisionError), refs.moving(repository, {"refs/heads/main": (first, second)}, "why"):
        raise ZeroDivisionError
    assert refs.resolve(repository, "main") == first
    assert not list((repository.folder / ".git").rglob("*.lock"))


def test_nobody_else_moves_it_meanwhile(repository, second):
    first = refs.resolve(repository, "HEAD")
    with refs.moving(repository, {"refs/heads/main": (first, second)}, "why"), pytest.raises(GitError):
        repository.run("commit", "--allow-empty", "-qm", "in between")
    assert refs.resolve(repository, "main") == second


def test_a_branch_in_the_way_is_told(repository):
    repository.run("branch", "sync")
    with pytest.raises(GitError, match="refs could not be moved"):
        refs.move(repository, {"refs/heads/sync/pod/1": (None, refs.resolve(repository, "HEAD"))}, "why")


def test_branches(repository, second):
    repository.run("branch", "sync/pod/2", second)
    repository.run("branch", "sync/pod/1")
    assert list(refs.branches(repository, "sync/pod/")) == ["sync/pod/1", "sync/pod/2"]
    assert refs.current_branch(repository) == "main"
    repository.run("switch", "-q", "--detach")
    assert refs.current_branch(repository) is None


def test_a_tag_with_the_name_of_the_branch_changes_nothing(repository):
    repository.run("tag", "main")
    assert refs.current_branch(repository) == "main"
    repository.run("checkout", "-q", "--detach")
    assert refs.current_branch(repository) is None


def test_a_branch_where_a_folder_of_branches_should_be_has_a_hint(repository):
    repository.run("branch", "sync")
    with pytest.raises(GitError, match="exists; cannot create") as caught:
        refs.move(repository, {"refs/heads/sync/pod/1": (None, refs.resolve(repository, "HEAD"))}, "why")
    assert "rename or delete the branch" in caught.value.hint


def test_a_lock_that_was_left_has_a_hint(repository, second):
    (repository.folder / ".git/refs/heads/main.lock").touch()
    with pytest.raises(GitError, match=r"main\.lock': File exists") as caught:
        refs.move(repository, {"refs/heads/main": (refs.resolve(repository, "HEAD"), second)}, "why")
    assert "remove the file named above" in caught.value.hint
