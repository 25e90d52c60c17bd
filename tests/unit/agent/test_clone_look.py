"""A clone of somebody's repository as it is seen by its files and by git: where it stands, what is edited in it."""

import getpass
import time
from pathlib import Path

import pytest
from upstreams import Upstream, git

from dgops.agent import clone_look as room


@pytest.fixture
def upstream(tmp_path):
    return Upstream(tmp_path / "upstream")


@pytest.fixture
def clone(tmp_path, upstream):
    path = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", upstream.remote, str(path))
    return path


def seen(path):
    return room.clone({"path": str(path)})


def test_a_clone_is_seen_without_git(clone, upstream, monkeypatch):
    monkeypatch.setattr(room, "run", lambda *_, **__: pytest.fail("git was run"))
    assert seen(clone) == {
        "exists": True,
        "owner": getpass.getuser(),
        "remotes": [upstream.remote],
        "push": [],
        "commit": upstream.first,
        "branch": "main",
    }


def test_what_is_no_clone(tmp_path, clone):
    (tmp_path / "plain").mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/.git").symlink_to(clone / ".git")
    for name in ("plain", "linked", "nowhere"):
        assert seen(tmp_path / name) == {"exists": False}
    assert room.edits({"path": str(tmp_path / "plain")}) == {"exists": False}


def test_the_head_is_found_detached_packed_and_on_a_branch_with_slashes(clone, upstream):
    git(clone, "checkout", "--quiet", "-b", "fix/deep", "--no-track")
    assert room.head(str(clone / ".git")) == (upstream.first, "fix/deep")
    git(clone, "pack-refs", "--all")
    assert not (clone / ".git/refs/heads/fix/deep").exists()
    assert room.head(str(clone / ".git")) == (upstream.first, "fix/deep")
    git(clone, "checkout", "--quiet", "--detach")
    assert room.head(str(clone / ".git")) == (upstream.first, "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ref: refs/heads/gone\n", ("", "gone")),
        ("ref: refs/heads/../../secret\n", ("", "")),
        ("ref: /etc/passwd\n", ("", "")),
        ("rubbish", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_head_that_names_no_commit(clone, text, found):
    (clone / ".git/HEAD").write_text(text)
    assert room.head(str(clone / ".git")) == found


def test_no_link_is_followed_to_a_head(clone, tmp_path):
    (tmp_path / "elsewhere").write_text("a" * 40)
    (clone / ".git/HEAD").unlink()
    (clone / ".git/HEAD").symlink_to(tmp_path / "elsewhere")
    assert room.head(str(clone / ".git")) == ("", "")


def test_edits_are_tracked_files_and_commits_of_ones_own(clone, upstream):
    assert room.edits({"path": str(clone)}) == {"exists": True, "files": [], "total": 0, "commits": 0}
    (clone / "main.py").write_text("print('mine')\n")
    (clone / "untracked.txt").write_text("output of a run")
    (clone / "README").unlink()
    found = room.edits({"path": str(clone)})
    assert (sorted(found["files"]), found["total"], found["commits"]) == (["README", "main.py"], 2, 0)
    git(clone, "commit", "--quiet", "--all", "--message", "mine")
    assert room.edits({"path": str(clone)})["commits"] == 1
    # What was put there from here is nobody's own work.
    git(clone, "update-ref", room.PIN, "HEAD")
    assert room.edits({"path": str(clone)})["commits"] == 0


def test_of_many_edits_some_are_named_and_all_are_counted(clone, upstream):
    names = {f"f{number:03}": "x" for number in range(room.MOST_NAMED + 5)}
    upstream.commit(names)
    git(clone, "pull", "--quiet")
    for name in names:
        (clone / name).write_text("y")
    found = room.edits({"path": str(clone)})
    assert (len(found["files"]), found["total"]) == (room.MOST_NAMED, room.MOST_NAMED + 5)


def test_names_come_as_they_are(clone, upstream):
    upstream.commit({"a b\n→.txt": "x"})
    git(clone, "pull", "--quiet")
    (clone / "a b\n→.txt").write_text("y")
    assert room.changed_files(str(clone)) == ["a b\n→.txt"]


def test_an_empty_repository_has_no_commits(tmp_path):
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "--quiet")
    assert seen(tmp_path / "empty")["commit"] == ""
    assert room.own_commits(str(tmp_path / "empty")) == 0


def test_a_failure_says_gits_own_words_and_not_what_stands_beside_them(clone):
    with pytest.raises(room.GitError, match=r"^git rev-list: fatal: .*nothing"):
        room.git(str(clone), "rev-list", "nothing")
    git(clone, "config", "alias.grumble", "!echo 'warning: beside' >&2; echo 'ssh: no route' >&2; exit 3")
    with pytest.raises(room.GitError, match=r"^git grumble: ssh: no route$"):
        room.git(str(clone), "grumble")
    git(clone, "config", "alias.silent", "!exit 3")
    with pytest.raises(room.GitError, match=r"^git silent: ended with exit \d+$"):
        room.git(str(clone), "silent")


def test_at_the_deadline_all_of_it_is_ended(clone, tmp_path):
    git(clone, "config", "alias.hang", f"!sh -c 'echo $$ > {tmp_path}/pid; sleep 600'")
    code, _, words = room.run(str(clone), "hang", timeout=5.0)
    assert (code, words) == (124, "fatal: no end within 5 s")
    until = time.monotonic() + 30
    while not ended(int((tmp_path / "pid").read_text())):
        assert time.monotonic() < until
        time.sleep(0.02)


def ended(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_commit_as_people_say_it():
    assert (room.short("a" * 40), room.short(None), room.short("")) == ("a" * 10, "nothing", "nothing")
