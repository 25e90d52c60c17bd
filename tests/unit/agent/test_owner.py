"""Whom a request becomes, and whose a new base is."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from dgops.agent import owner

ROOT = Path(__file__).parents[3]
PROGRAM = (
    "import os, sys; from dgops.agent import owner; owner.enter(sys.argv[1]); print(os.getresuid(), os.getresgid())"
)
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


@pytest.fixture
def nobody():
    return pwd.getpwnam("nobody")


def entered(base):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(base)], cwd=ROOT, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ids(user):
    return f"{(user.pw_uid,) * 3} {(user.pw_gid,) * 3}"


def test_the_group_is_the_users_and_not_the_folders(tmp_path, nobody):
    tmp_path.chmod(0o2755)
    base = tmp_path / "dgops"
    base.mkdir()
    os.chown(base, nobody.pw_uid, 0)
    assert entered(base) == ids(nobody)


def test_a_base_of_roots_with_jobs_of_another(tmp_path, nobody):
    jobs = tmp_path / "jobs"
    for name in ("00000000", "11111111"):
        (jobs / name).mkdir(parents=True)
    assert entered(tmp_path) == ids(pwd.getpwuid(0))
    os.chown(jobs / "11111111", nobody.pw_uid, nobody.pw_gid)
    assert entered(tmp_path) == ids(nobody)


@pytest.mark.parametrize("swapped", ["link", "folder"])
def test_what_another_put_in_place_of_a_new_base_is_not_given_away(tmp_path, nobody, monkeypatch, swapped):
    base, treasure = tmp_path / "dgops", tmp_path / "treasure"
    treasure.mkdir(mode=0o700)
    (treasure / "file").write_bytes(b"")
    made = os.mkdir

    def mkdir(path, mode=0o777):
        made(path, mode)
        os.rmdir(path)
        treasure.rename(path) if swapped == "folder" else os.symlink(treasure, path)

    monkeypatch.setattr(os, "mkdir", mkdir)
    if swapped == "link":
        with pytest.raises(NotADirectoryError):
            owner._give(str(base), nobody)
    else:
        owner._give(str(base), nobody)
    seen = os.stat(base)
    assert (seen.st_uid, seen.st_mode & 0o777) == (0, 0o700)


def test_a_new_base_is_its_users(tmp_path, nobody):
    owner._give(str(tmp_path / "dgops"), nobody)
    seen = os.lstat(tmp_path / "dgops")
    assert (seen.st_uid, seen.st_gid, seen.st_mode & 0o777) == (nobody.pw_uid, nobody.pw_gid, 0o755)


def test_a_user_whom_the_host_does_not_know_yet_still_sees_his_jobs(tmp_path):
    """A restarted pod has lost its users, and its volume has kept theirs."""
    os.chown(tmp_path, 54321, 0)
    assert entered(tmp_path) == f"{(54321,) * 3} {(65534,) * 3}"
