"""Which tree may be deployed where."""

import subprocess

import pytest

from dgops.deploy import policy, tree
from dgops.errors import ConfigError, DgopsError
from dgops.hosts.host import Host


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone on main, pushed, that the roles seem to come from."""
    here, there = tmp_path / "here", tmp_path / "there.git"

    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(here), *who, *words], check=True, capture_output=True, timeout=20)

    here.mkdir()
    subprocess.run(["git", "init", "-q", "--bare", str(there)], check=True, timeout=20)
    git("init", "-q", "-b", "main")
    (here / "a").write_text("1")
    git("add", "-A")
    git("commit", "-qm", "first")
    git("remote", "add", "origin", str(there))
    git("push", "-q", "-u", "origin", "main")
    monkeypatch.setattr(tree, "root", lambda: here)
    return here, git


def host(**variables):
    return Host("prod", variables=variables)


ALL = {"dgops_branch": ["main", "release"], "dgops_clean": True, "dgops_pushed": True}


def refused(**variables):
    with pytest.raises(DgopsError) as caught:
        policy.require([host(), host(**variables)])
    return caught.value.message


def test_as_the_inventory_asks(clone):
    policy.require([host(), host(**ALL)])


def test_another_branch(clone):
    clone[1]("checkout", "-q", "-b", "experiment")
    assert "prod: takes main or release; this is the branch experiment" in refused(**ALL)
    policy.require([host(dgops_branch="experiment")])


def test_no_branch(clone):
    clone[1]("checkout", "-q", "--detach")
    assert "takes main; this is no branch (commit " in refused(dgops_branch="main")


@pytest.mark.parametrize("name", ["a", "new file"])
def test_uncommitted(clone, name):
    (clone[0] / name).write_text("2")
    assert "takes a clean tree; uncommitted: " in refused(**ALL)
    assert name in refused(**ALL)
    policy.require([host(dgops_branch="main")])


def test_not_pushed(clone):
    clone[1]("commit", "-q", "--allow-empty", "-m", "second")
    assert "is not on origin/main" in refused(dgops_pushed=True)


def test_no_upstream(clone):
    clone[1]("branch", "--unset-upstream")
    assert "the branch has no upstream" in refused(dgops_pushed=True)


def test_no_clone(tmp_path, monkeypatch):
    monkeypatch.setattr(tree, "root", lambda: tmp_path)
    assert "which is no clone" in refused(dgops_branch="main")
    policy.require([host()])


def test_every_mistake_in_an_inventory_at_once():
    with pytest.raises(ConfigError) as caught:
        policy.require([host(dgops_branch=[1], dgops_clean="yes", dgops_pushed=1)])
    assert [name for name in ALL if name in str(caught.value.message)] == list(ALL)
