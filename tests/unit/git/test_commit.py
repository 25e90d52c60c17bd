"""Which commit a folder is at."""

import subprocess

from dgops.git.commit import describe


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, timeout=20)


def test_describe(tmp_path):
    assert describe(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert describe(tmp_path) is None
    (tmp_path / "f").write_text("1")
    git(tmp_path, "add", "f")
    git(tmp_path, "commit", "-qm", "one")
    commit = describe(tmp_path)
    assert len(commit) == 12
    (tmp_path / "f").write_text("2")
    assert describe(tmp_path) == commit + "+"


def test_the_variables_of_a_hook_name_another_repository(tmp_path, monkeypatch):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        git(tmp_path / name, "init", "-q")
        git(tmp_path / name, "commit", "--allow-empty", "-qm", name)
    wanted = describe(tmp_path / "one")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    assert describe(tmp_path / "one") == wanted
