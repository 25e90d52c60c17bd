"""An image is made of a clean commit or not at all."""

import subprocess

import pytest

from dgops.errors import DgopsError
from dgops.images.source import clean_commit


@pytest.fixture
def clone(tmp_path):
    """A work tree with one commit, and a way to give git commands there."""
    here = tmp_path / "clone"
    here.mkdir()

    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        env = {"GIT_COMMITTER_DATE": "1700000000 +0000", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run(["git", *who, *words], cwd=here, env=env, check=True, capture_output=True, timeout=20)
        return done.stdout.decode().strip()

    git("init", "-q")
    (here / "a").write_text("1")
    git("add", "-A")
    git("commit", "-qm", "first")
    return here, git


def test_a_clean_commit_and_its_time(clone):
    here, git = clone
    found = clean_commit(here)
    assert found.name == git("rev-parse", "HEAD")
    assert found.short == found.name[:7]
    assert found.epoch == 1700000000


@pytest.mark.parametrize(("name", "content"), [("a", "2"), ("new", "1")], ids=["edited", "untracked"])
def test_what_is_not_committed_is_named(clone, name, content):
    here, _ = clone
    (here / name).write_text(content)
    with pytest.raises(DgopsError, match=rf"not committed in {here}:\n  {name}$") as caught:
        clean_commit(here)
    assert "stash" in caught.value.hint


def test_many_files_are_counted(clone):
    here, _ = clone
    for number in range(12):
        (here / f"f{number:02}").write_text("")
    with pytest.raises(DgopsError, match=r"f07\n  and 4 more$"):
        clean_commit(here)


def test_outside_of_a_clone_it_is_refused(tmp_path):
    with pytest.raises(DgopsError, match="is no clone") as caught:
        clean_commit(tmp_path)
    assert "clone dgops" in caught.value.hint


def test_without_a_commit_it_is_refused(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path / "new")], check=True, timeout=20)
    with pytest.raises(DgopsError, match="has none yet"):
        clean_commit(tmp_path / "new")
