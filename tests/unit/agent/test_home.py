"""What root took of a user's is given back, and root is led nowhere else."""

import os
import pwd
import stat

import pytest

from dgops.agent import home as agent_home

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone gives files to others")
FILES = [".gitconfig", ".ssh/id_rsa", ".ssh/authorized_keys"]


@pytest.fixture
def home(tmp_path):
    made = tmp_path / "home"
    (made / ".ssh").mkdir(parents=True)
    (made / ".ssh").chmod(0o700)
    for path in (made, made / ".ssh"):
        os.chown(path, 65534, 65534)
    return made


@pytest.fixture
def settle(home):
    nobody = pwd.struct_passwd(("nobody", "x", 65534, 65534, "", str(home), "/bin/sh"))
    return lambda check=False: agent_home.settle(nobody, FILES, check)


def owner(path):
    return os.lstat(path).st_uid


def test_files_are_given_back(home, settle):
    for name in FILES:
        (home / name).touch()
    assert len(settle(check=True)) == 3
    assert owner(home / ".gitconfig") == 0
    assert len(settle()) == 3
    assert {owner(home / name) for name in FILES} == {65534}
    assert settle() == []


def test_the_folder_is_made(home, settle):
    (home / ".ssh").rmdir()
    assert settle(check=True) == [f"made {home}/.ssh"]
    assert f"made {home}/.ssh" in settle()
    assert (owner(home / ".ssh"), stat.S_IMODE((home / ".ssh").stat().st_mode)) == (65534, 0o700)
    assert settle() == []


def test_a_home_is_made(home, settle):
    (home / ".ssh").rmdir()
    home.rmdir()
    assert settle(check=True) == [f"made {home}"]
    settle()
    assert (owner(home), owner(home / ".ssh")) == (65534, 65534)
    assert settle() == []


def test_the_folder_is_closed_and_given_back(home, settle):
    (home / ".ssh").chmod(0o755)
    os.chown(home / ".ssh", 0, 0)
    assert settle() == [f"gave {home}/.ssh to nobody", f"closed {home}/.ssh to others"]
    assert settle() == []


def test_a_linked_folder_is_refused(home, settle, tmp_path):
    (tmp_path / "secret").mkdir(mode=0o755)
    (home / ".ssh").rmdir()
    (home / ".ssh").symlink_to(tmp_path / "secret")
    with pytest.raises(SystemExit, match="is a link or no folder"):
        settle()
    assert (owner(tmp_path / "secret"), stat.S_IMODE((tmp_path / "secret").stat().st_mode)) == (0, 0o755)


def test_a_linked_home_must_be_the_users(home, settle, tmp_path):
    home.rename(tmp_path / "elsewhere")
    home.symlink_to(tmp_path / "elsewhere")
    assert settle() == []
    os.chown(tmp_path / "elsewhere", 0, 0)
    with pytest.raises(SystemExit, match="not its user's"):
        settle()


@pytest.mark.parametrize("plant", [os.symlink, os.link], ids=["link", "second name"])
def test_another_file_under_this_name(home, settle, tmp_path, plant):
    (tmp_path / "secret").touch()
    plant(tmp_path / "secret", home / ".ssh/authorized_keys")
    assert settle() == []
    assert owner(tmp_path / "secret") == 0


def test_a_pipe_holds_nobody_up(home, settle):
    os.mkfifo(home / ".ssh/authorized_keys")
    assert settle() == []
