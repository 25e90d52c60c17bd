"""A host's look at itself: of whom what judges is run. What it leaves is tested with the watch."""

import os

import pytest

from dgops.agent import live, observe, self_look

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
SOMEBODY = 65534


@pytest.fixture
def home(tmp_path):
    """A user's home, where he lays a link to something of root's for root to run."""
    (tmp_path / "users").mkdir()
    (tmp_path / "root/bin").mkdir(parents=True)
    (tmp_path / "root/bin/python").write_text("#!/bin/sh\necho '{}'\n")
    (tmp_path / "root/bin/python").chmod(0o755)
    (tmp_path / "users/link").symlink_to(tmp_path / "root")
    (tmp_path / "users/moved").mkdir()
    for name in ("users", "users/link"):
        os.chown(tmp_path / name, SOMEBODY, SOMEBODY, follow_symlinks=False)
    return tmp_path / "users"


@ROOT
def test_a_link_is_its_makers(home):
    assert observe.owner_of(f"{home}/link") == "nobody"
    assert observe.owner_of(f"{home.parent}/root") == "root"


@ROOT
def test_roots_link_to_what_is_a_users_is_not_run(home):
    link = home.parent / "rootlink"
    link.symlink_to(home)
    with pytest.raises(PermissionError, match="root's link to what is not"):
        observe.owner_of(str(link))


@ROOT
def test_nothing_of_roots_in_a_users_folder_is_run(home):
    with pytest.raises(PermissionError, match="is root's, in a folder that is not"):
        observe.owner_of(f"{home}/moved/")
    (home / "moved/bin").mkdir()
    (home / "moved/bin/python").write_text("#!/bin/sh\ntouch /tmp/no\n")
    (found,) = live.run([{"type": "memory"}], f"{home}/moved")
    assert "is root's" in found["error"]
    with pytest.raises(self_look.LookError, match="is root's"):
        self_look._judged({}, f"{home}/moved")
