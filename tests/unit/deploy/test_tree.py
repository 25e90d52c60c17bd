"""The tree that roles come from."""

import pytest

from dgops.deploy import tree
from dgops.errors import UsageError


def test_the_clone_is_the_tree():
    assert (tree.root() / "playbooks/site.yml").is_file()
    assert {"user", "git_ssh", "python_env"} <= set(tree.role_names())


def test_a_role_that_is_not_one():
    with pytest.raises(UsageError) as caught:
        tree.require_roles(("git_ss",))
    assert caught.value.hint == "did you mean git_ssh?"
    assert caught.value.exit_code == 2


def test_a_digest_follows_the_files():
    assert tree.role_digest("user") == tree.role_digest("user") != tree.role_digest("base")
