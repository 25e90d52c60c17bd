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


def test_a_roles_files_are_all_but_what_is_generated():
    files = {path.name for path in tree.role_files(tree.root() / "roles/user")}
    assert {"main.yml", "checks.yml", "user.j2"} <= files
    assert "README.md" not in files


def test_the_playbooks_roles_in_order():
    roles = tree.playbook_roles()
    assert roles[0] == tree.BOOKKEEPING
    assert roles.index("user") < roles.index("git_ssh") < roles.index("python_env")
    assert set(roles) == set(tree.role_names())
