"""Clones of other people's repositories: made, moved, finished after a kill, and never written over."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys

import pytest

from dgops.agent import clone_look, clones, observe, process
from dgops.agent.clone_look import GitError
from dgops.health.check import Check
from dgops.health.judge import judge

from .upstreams import Upstream, git


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Give git a home of its own, as a user's is."""
    folder = tmp_path / "home"
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(observe, "environment", lambda _name: {"HOME": str(folder), "PATH": os.environ["PATH"]})
    observe.git_values.cache_clear()
    return folder


@pytest.fixture
def upstream(tmp_path):
    return Upstream(tmp_path / "upstream")


@pytest.fixture
def place(tmp_path):
    return tmp_path / "apps" / "app"


def settle(place, upstream, commit, check=False):
    wish = {"path": str(place), "remote": upstream.remote, "commit": commit}
    return clones.settle({"clones": [wish], "check": check})["changed"]


def seen(place, upstream, commit):
    observe.git_values.cache_clear()
    wanted = {"path": str(place), "remote": upstream.remote, "commit": commit}
    check = Check("app", "it is there", "state", "clone", wanted)
    result = judge(check, {"seen": clone_look.clone(wanted)}, "production")
    return result.outcome.value, result.observed


def stopped(place, upstream, commit):
    with pytest.raises(SystemExit) as caught:
        settle(place, upstream, commit)
    return str(caught.value.code)


def test_it_is_made_and_made_once(place, upstream):
    assert settle(place, upstream, upstream.first, check=True) == [f"{place} was cloned at {upstream.first[:10]}"]
    assert not place.exists()
    assert settle(place, upstream, upstream.first) == [f"{place} was cloned at {upstream.first[:10]}"]
    assert (place / "main.py").read_text() == "print('first')\n"
    assert seen(place, upstream, upstream.first)[0] == "pass"
    assert settle(place, upstream, upstream.first) == []
    assert not place.with_name("app.dgops-making").exists()


def test_it_stays_pullable_and_cannot_be_pushed_from(place, upstream):
    settle(place, upstream, upstream.first)
    second = upstream.commit({"main.py": "print('second')\n"})
    git(place, "checkout", "--quiet", "main")
    git(place, "pull", "--quiet")
    assert git(place, "rev-parse", "HEAD") == second
    with pytest.raises(subprocess.CalledProcessError):
        git(place, "push")


def test_a_moved_pin_moves_it_and_a_moved_head_is_moved_back(place, upstream):
    settle(place, upstream, upstream.first)
    second = upstream.commit({"main.py": "print('second')\n"})
    assert seen(place, upstream, second) == ("fail", f"at {upstream.first[:10]}")
    assert settle(place, upstream, second) == [f"{place} went from {upstream.first[:10]} to {second[:10]}"]
    assert (place / "main.py").read_text() == "print('second')\n"
    git(place, "checkout", "--quiet", "-B", "main", upstream.first)
    assert seen(place, upstream, second) == ("fail", f"at {upstream.first[:10]} on branch main")
    assert len(settle(place, upstream, second)) == 1
    assert seen(place, upstream, second)[0] == "pass"
    assert git(place, "rev-parse", "main") == upstream.first, "the branch is its user's"


def test_edits_are_seen_and_never_written_over(place, upstream):
    settle(place, upstream, upstream.first)
    (place / "main.py").write_text("mine\n")
    (place / "new.py").write_text("mine too\n")
    assert clone_look.edits({"path": str(place)}) == {"exists": True, "files": ["main.py"], "total": 1, "commits": 0}
    assert settle(place, upstream, upstream.first) == []
    second = upstream.commit({"main.py": "print('second')\n"})
    said = stopped(place, upstream, second)
    assert f"main.py is edited there, so it stays at {upstream.first[:10]} and does not go to {second[:10]}" in said
    assert (place / "main.py").read_text() == "mine\n"
    assert git(place, "rev-parse", "HEAD") == upstream.first
    git(place, "stash")
    settle(place, upstream, second)
    assert (place / "new.py").read_text() == "mine too\n"


def test_a_file_that_git_does_not_know_is_not_written_over(place, upstream):
    settle(place, upstream, upstream.first)
    (place / "helper.py").write_text("mine\n")
    second = upstream.commit({"helper.py": "theirs\n"})
    assert "would be overwritten" in stopped(place, upstream, second)
    assert (place / "helper.py").read_text() == "mine\n"
    assert clone_look.edits({"path": str(place)})["total"] == 0
    (place / "helper.py").unlink()
    settle(place, upstream, second)
    assert seen(place, upstream, second)[0] == "pass"


def test_commits_of_its_own_stay(place, upstream):
    settle(place, upstream, upstream.first)
    git(place, "commit", "--allow-empty", "--message", "mine")
    assert clone_look.edits({"path": str(place)})["commits"] == 1
    assert "it holds 1 commit of its own" in stopped(place, upstream, upstream.first)


def test_a_rewritten_history_is_said(place, upstream):
    lost = upstream.commit({"main.py": "print('lost')\n"})
    git(upstream.path, "reset", "--quiet", "--hard", upstream.first)
    git(upstream.path, "reflog", "expire", "--expire=now", "--all")
    git(upstream.path, "gc", "--quiet", "--prune=now")
    said = stopped(place, upstream, lost)
    assert f"its remote has no commit {lost[:10]} (any more): its history was rewritten, or the pin is wrong" in said
    assert not place.exists()


def test_what_is_held_stays_though_upstream_has_lost_it(place, upstream):
    lost = upstream.commit({"main.py": "print('lost')\n"})
    settle(place, upstream, lost)
    git(upstream.path, "reset", "--quiet", "--hard", upstream.first)
    other = upstream.commit({"main.py": "print('other')\n"})
    asked = clones.upstream({"clones": [{"path": str(place), "commit": lost}]})["clones"][0]
    assert (asked["gone"], asked["newer"], asked["branch"]) == (True, 1, "main")
    git(place, "fetch", "--quiet", "origin")
    assert clone_look.own_commits(str(place)) == 0, "a commit that was put there from here is nobody's own"
    settle(place, upstream, other)
    assert seen(place, upstream, other)[0] == "pass"


def test_what_upstream_has_newer(place, upstream):
    settle(place, upstream, upstream.first)
    second = upstream.commit({"main.py": "print('second')\n"})
    git(upstream.path, "tag", "--annotate", "--message", "a release", "v1.10.0")
    asked = clones.upstream({"clones": [{"path": str(place), "commit": upstream.first}]})["clones"][0]
    assert asked == {"branch": "main", "tip": second, "tags": {"v1.10.0": second}, "newer": 1, "gone": False}
    assert git(place, "for-each-ref", "refs/remotes/origin/main", "--format=%(objectname)") == upstream.first
    looked = clones.look({"clones": [{"path": str(place)}, {"path": "/nowhere"}]})["clones"]
    assert looked[0]["commit"] == upstream.first
    assert looked[1] == {"exists": False}


def test_another_remote_is_named_again(place, upstream, tmp_path):
    settle(place, upstream, upstream.first)
    git(place, "remote", "set-url", "origin", "https://elsewhere/x.git")
    git(place, "config", "--unset", "remote.origin.pushurl")
    assert seen(place, upstream, upstream.first) == ("fail", "its remote is https://elsewhere/x.git")
    assert len(settle(place, upstream, upstream.first)) == 2
    assert seen(place, upstream, upstream.first)[0] == "pass"


def test_a_rule_for_all_of_a_forge_does_not_lead_it_elsewhere(home, place, upstream):
    (home / ".gitconfig").write_text(f'[url "/nowhere/"]\n\tinsteadOf = {upstream.path.parent}/\n')
    settle(place, upstream, upstream.first)
    assert clone_look.git(str(place), "ls-remote", "origin", "HEAD").startswith(upstream.first)


def test_a_venv_that_is_there_already_moves_in(place, upstream):
    (place / ".venv").mkdir(parents=True)
    (place / ".venv/pyvenv.cfg").write_text("home = /usr\n")
    settle(place, upstream, upstream.first)
    assert (place / ".venv/pyvenv.cfg").exists()
    assert (place / "main.py").exists()


def test_what_is_no_clone_is_left_alone(place, upstream):
    place.mkdir(parents=True)
    (place / "notes.txt").write_text("mine")
    assert "something is there that is no clone of git" in stopped(place, upstream, upstream.first)
    assert (place / "notes.txt").exists()


def test_what_a_killed_making_left_goes_and_its_venv_comes_back(place, upstream):
    making = place.with_name("app.dgops-making")
    (making / ".venv").mkdir(parents=True)
    (making / "half").write_text("")
    settle(place, upstream, upstream.first)
    assert (place / ".venv").is_dir()
    assert not (place / "half").exists()
    assert not making.exists()


class TestAKilledMove:
    """A move that ended in its middle: half of its files are of the new commit, and git's lock is there."""

    @pytest.fixture
    def second(self, place, upstream):
        settle(place, upstream, upstream.first)
        second = upstream.commit({"main.py": "print('second')\n", "README": "newer\n"})
        git(place, "fetch", "--quiet", "origin")
        (place / ".git/dgops-moving").write_text(second)
        (place / ".git/index.lock").write_text("")
        (place / "main.py").write_text("print('sec")
        return second

    def test_it_is_finished_and_what_was_there_is_kept(self, place, upstream, second):
        assert settle(place, upstream, second) == []
        assert seen(place, upstream, second)[0] == "pass"
        assert (place / "main.py").read_text() == "print('second')\n"
        assert git(place, "show", "refs/dgops/aside:main.py") == "print('sec"
        assert not (place / ".git/dgops-moving").exists()

    def test_a_pin_that_moved_on_is_reached(self, place, upstream, second):
        settle(place, upstream, upstream.first)
        assert seen(place, upstream, upstream.first)[0] == "pass"

    def test_a_git_at_work_is_waited_for(self, place, upstream, second, monkeypatch):
        monkeypatch.setattr(clones.live_git, "git_lock", lambda _check: {"locks": [{"path": "x", "alive": True}]})
        assert "a git is at work in it" in stopped(place, upstream, second)
        assert (place / "main.py").read_text() == "print('sec"


@pytest.mark.parametrize(
    ("sign", "moves"),
    [
        ("app.dgops-making/.git/objects", 0),
        ("app.dgops-making/.git/refs/remotes", 0),
        ("app.dgops-making/main.py", 0),
        ("app/.git/dgops-moving", 1),
        ("app/.git/index.lock", 1),
    ],
)
def test_a_run_that_was_killed_is_finished_by_the_next(place, upstream, home, sign, moves):
    """Killed, with its git, as soon as a file is there that says how far it came."""
    commits = [upstream.first, upstream.commit({f"file{number}.py": "x = 1\n" * 500 for number in range(200)})]
    commit = commits[1]
    # On a busy machine a run may be over before anybody looks.
    for _ in range(20):
        for earlier in commits[:moves]:
            settle(place, upstream, earlier)
        if killed_at(place.parent / sign, place, upstream, commit, home):
            break
        shutil.rmtree(place)
    else:
        pytest.fail("every run was over before it could be killed")
    settle(place, upstream, commit)
    assert seen(place, upstream, commit)[0] == "pass"
    assert clone_look.edits({"path": str(place)})["total"] == 0


def killed_at(sign, place, upstream, commit, home):
    """Run in a process of its own and kill it when the file is there; tells whether it was still at work."""
    request = {"clones": [{"path": str(place), "remote": upstream.remote, "commit": commit}], "check": False}
    program = f"from dgops.agent import clones; clones.settle({request!r})"
    env = {**os.environ, "HOME": str(home)}
    begun = subprocess.Popen([sys.executable, "-c", program], env=env, stderr=subprocess.DEVNULL)
    while begun.poll() is None and not sign.exists():
        pass
    begun.send_signal(signal.SIGSTOP)
    process.send(signal.SIGKILL, {one.pid for one in process.table() if one.parent == begun.pid})
    begun.kill()
    return begun.wait(10) != 0


def test_all_that_went_wrong_is_said_at_once(tmp_path, upstream):
    wishes = [
        {"path": str(tmp_path / "a"), "remote": str(tmp_path / "nowhere"), "commit": upstream.first},
        {"path": str(tmp_path / "b"), "remote": upstream.remote, "commit": "main"},
        {"path": str(tmp_path / "c"), "remote": upstream.remote, "commit": upstream.first},
    ]
    with pytest.raises(SystemExit) as caught:
        clones.settle({"clones": wishes, "check": False})
    first, second = str(caught.value.code).splitlines()
    assert "git fetch: fatal:" in first
    assert "main is no whole commit (40 hexadecimal digits)" in second
    assert (tmp_path / "c/main.py").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "warning: x\ngit@f: Permission denied (publickey).\nfatal: Could not read from remote repository.\n",
            "git@f: Per",
        ),
        ("Host key verification failed.\nfatal: Could not read", "Host key verification failed."),
        ("error: Your local changes\nhint: x\n", "error: Your local changes"),
        ("", "ended with exit 3"),
    ],
)
def test_what_failed_first_is_said(tmp_path, monkeypatch, words, said):
    monkeypatch.setattr(clone_look, "run", lambda *_argv, timeout: (3, "", words))
    with pytest.raises(GitError, match=f"git fetch: {re.escape(said)}"):
        clone_look.git(str(tmp_path), "fetch")


def test_a_git_that_hangs_is_ended(tmp_path, monkeypatch):
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nsleep 60\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(observe, "environment", lambda _name: {"PATH": f"{program.parent}:{os.environ['PATH']}"})
    with pytest.raises(GitError, match="no end within 0 s"):
        clone_look.git(str(tmp_path), "status", timeout=0.2)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a" * 40 + "\n", ("a" * 40, "")),
        ("ref: refs/heads/main\n", ("b" * 40, "main")),
        ("ref: refs/heads/packed\n", ("c" * 40, "packed")),
        ("ref: refs/heads/unborn\n", ("", "unborn")),
        ("ref: refs/heads/../../../etc/passwd\n", ("", "")),
        ("root:x:0:0\n", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_head_is_read_from_its_files(tmp_path, content, expected):
    (tmp_path / "refs/heads").mkdir(parents=True)
    (tmp_path / "refs/heads/main").write_text("b" * 40 + "\n")
    (tmp_path / "packed-refs").write_text("# pack-refs\n" + "c" * 40 + " refs/heads/packed\n")
    (tmp_path / "HEAD").write_text(content)
    assert clone_look.head(str(tmp_path)) == expected


def test_a_pipe_for_a_head_does_not_hold_a_look_up(place, upstream):
    settle(place, upstream, upstream.first)
    (place / ".git/HEAD").unlink()
    os.mkfifo(place / ".git/HEAD")
    assert seen(place, upstream, upstream.first) == ("fail", "at no commit")


def test_a_linked_git_folder_is_no_clone(place, upstream, tmp_path):
    settle(place, upstream, upstream.first)
    shutil.move(place / ".git", tmp_path / "elsewhere")
    (place / ".git").symlink_to(tmp_path / "elsewhere")
    assert seen(place, upstream, upstream.first) == ("fail", "no clone is there")
