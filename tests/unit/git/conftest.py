import subprocess

import pytest

from dgops.git.repository import open_repository


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit: a.txt and sub/b.txt."""
    folder = tmp_path / "repo"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a\n")
    (folder / "sub/b.txt").write_text("b\n")
    for words in (
        ["init", "-q", "-b", "main"],
        ["config", "user.name", "Sean"],
        ["config", "user.email", "s@example.org"],
    ):
        subprocess.run(["git", "-C", folder, *words], check=True, timeout=20)
    found = open_repository(folder)
    found.run("add", "-A")
    found.run("commit", "-qm", "first")
    return found
