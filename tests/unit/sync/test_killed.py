"""Killed anywhere, a sync is taken up by the next one: one commit, one branch, both sides equal."""

import os
import signal
import threading

import pytest
from deadly import Cut
from world import World, tree

from dgops.errors import UnreachableError
from dgops.git import merges, work_tree
from dgops.sync import apply, host_side, run, settle, state, transfers
from dgops.sync.scene import Wish

API = "apps/api/src"
# (module, function, how): the process dies when the function is called, or when it has done its work.
POINTS = [
    (transfers, "fetch", "after"),
    (apply, "plan_pull", "after"),
    (merges, "commit_tree", "after"),
    (work_tree, "check_out", "before"),
    (work_tree, "check_out", "after"),
    (apply, "commit_pull", "after"),
    (transfers, "write", "before"),
    (transfers, "write", "after"),
    (apply, "move_base", "after"),
    (transfers, "mark", "before"),
    (transfers, "mark", "after"),
    (state, "write", "after"),
]


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def killed(world, module, name, how, **wish):
    """Sync in a child that dies at a point; says whether it got there."""
    child = os.fork()
    if child == 0:
        try:
            real = getattr(module, name)

            def deadly(*arguments, **options):
                if how == "after":
                    real(*arguments, **options)
                die()

            for place in (module, run, settle, host_side, apply):
                if getattr(place, name, None) is real:
                    setattr(place, name, deadly)
            run.sync(world.shared, world.transport, world.settings, Wish(**wish), lambda _line: None)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.fixture
def edited(world):
    world.filled()
    world.lines(world.there / "app" / API / "f1.py", 1, "pod")
    world.host(f"{API}/new.py", "new\n")
    return world


def settled(world, commits):
    """The next sync ends it, and the one after it has nothing to do."""
    result = world.sync()
    assert result.parity, result.error
    assert world.sync().outcome == "parity"
    assert len(world.log) == commits
    assert world.git("status", "--porcelain") == ""
    assert world.branches == []
    assert world.base == world.head
    for path in (f"{API}/f1.py", f"{API}/new.py"):
        assert world.host(path) == (world.repo / path).read_text()


@pytest.mark.parametrize(("module", "name", "how"), POINTS, ids=lambda part: getattr(part, "__name__", part))
def test_a_merge_is_made_once(edited, module, name, how):
    edited.home(f"{API}/f2.py", "home\n")
    assert killed(edited, module, name, how)
    # The first commit, home's, the pod's and the merge.
    settled(edited, 4)
    assert edited.host(f"{API}/f2.py") == "home\n"
    assert "pod" in (edited.repo / API / "f1.py").read_text()


@pytest.mark.parametrize("how", ["before", "after"])
def test_a_plain_pull_is_made_once(edited, how):
    assert killed(edited, work_tree, "check_out", how)
    settled(edited, 2)


@pytest.mark.parametrize(("module", "name", "how"), POINTS[6:], ids=lambda part: getattr(part, "__name__", part))
def test_filling_goes_on_where_it_stopped(world, module, name, how):
    world.host(f"{API}/f1.py", "the image's\n")
    assert killed(world, module, name, how, source="local")
    assert world.sync(source="local").parity
    assert world.sync().outcome == "parity"
    assert len(world.branches) == 1
    assert world.git("show", f"{world.branches[0]}:{API}/f1.py") == "the image's"


def test_a_conflict_is_kept_once(edited):
    edited.lines(edited.repo / API / "f1.py", 1, "home")
    edited.commit("home")
    assert killed(edited, apply, "keep_branch", "after")
    assert len(edited.branches) == 1
    assert edited.sync().branch == edited.branches[0]
    edited.git("merge", "-s", "ours", "--no-edit", edited.branches[0])
    assert edited.sync().parity


def test_a_work_tree_that_git_left_half_written_is_told_then_finished(edited):
    edited.write(edited.repo, f"{API}/new.py", "new\n")
    (edited.repo / ".git/index.lock").touch()
    head = edited.head
    result = run.sync(edited.shared, edited.transport, edited.settings, Wish(), edited.said.append)
    assert (result.outcome, edited.head) == ("refused", head)
    assert "index.lock" in result.error.message
    assert "rm -f" in result.error.hint
    (edited.repo / ".git/index.lock").unlink()
    settled(edited, 2)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("requests", range(6))
def test_a_way_that_is_cut_leaves_everything_whole(edited, requests, after):
    edited.home(f"{API}/f2.py", "home\n")
    before = edited.head
    result = edited.sync(Cut(edited.transport, requests, after))
    if requests < 5:
        assert isinstance(result.error, UnreachableError)
        assert result.outcome == ("unreachable" if edited.head == before else "merged")
    settled(edited, 4)


def test_two_at_once_make_one_commit(tmp_path):
    world = World(tmp_path).filled()
    world.host(f"{API}/new.py", "new\n")
    results = []

    def one():
        results.append(run.sync(world.shared, world.transport, world.settings, Wish(), world.said.append))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(result.outcome for result in results) == ["parity", "parity", "pulled"]
    assert len(world.log) == 2
    assert tree(world.repo / API) == tree(world.there / "app" / API)
