"""Killed at each step that changes anything, here or there: the next sync ends what was begun, and once."""

import os
import resource

import pytest
from deadly import Fragile, in_child, killed, steps
from edits import clear, listing, make_room
from soak import SOAK
from world import World

from dgops.sync import run
from dgops.sync.scene import Wish

API = "apps/api/src"


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Both sides edited in every way, with nothing that only a person could decide."""
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world")
    for name in ("gone", "moved", "folder", "linked", "there/moved", "there/gone", *"0123456789"):
        world.write(world.repo, f"{API}/{name}.py", f"{name}\n" * 9)
    world.commit("more")
    world.filled()
    there, here = world.there / "app" / API, world.repo / API
    world.lines(there / "f1.py", 1, "pod")
    os.rename(there / "there/moved.py", there / "there/elsewhere.py")
    clear(there, "there/gone.py")
    make_room(there, "0.py").joinpath("below").parent.mkdir()
    (there / "0.py/below").write_text("pod\n")
    (there / "pod.bin").write_bytes(bytes(range(256)))
    world.lines(here / "f2.py", 1, "home")
    (here / "f3.py").chmod(0o755)
    os.rename(here / "moved.py", here / "elsewhere.py")
    clear(here, "gone.py")
    make_room(here, "folder.py").mkdir()
    (here / "folder.py/below").write_text("home\n")
    make_room(here, "linked.py").symlink_to("f1.py")
    world.commit("home")
    world.keep()
    monkeypatch.setattr(world, "check", lambda: "an agent that is killed leaves its half-written file")
    return world


def ended(world, commits):
    """The next sync ends it, the one after it has nothing to do, and nobody has to decide anything."""
    for _ in range(2):
        result = world.sync()
        assert result.parity, result.error
    assert (result.outcome, len(world.log), world.branches, world.base) == ("parity", commits, [], world.head)
    assert world.git("status", "--porcelain") == ""
    assert listing(world.there / "app" / API) == listing(world.repo / API)
    assert (world.repo / API / "0.py/below").read_text() == "pod\n"


def some_of(count):
    return range(1, count + 1) if SOAK else range(1, count + 1, max(1, count // 12))


def test_a_sync(edited):
    count = steps(edited)
    assert count > 40
    for last in some_of(count):
        edited.again()
        assert killed(edited, last), last
        ended(edited, 5)


def test_an_agent(edited):
    whole = Fragile(edited.transport, 10**6)
    edited.sync(whole)
    for last in some_of(10**6 - whole.left):
        edited.again()
        fragile = Fragile(edited.transport, last)
        result = edited.sync(fragile)
        assert fragile.died
        assert (result.parity and not result.error) is False
        ended(edited, 5)


def test_a_git_that_dies_in_the_middle_of_the_work_tree(tmp_path, monkeypatch):
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world")
    world.write(world.repo, f"{API}/large", bytes(1 << 20))
    world.home(f"{API}/link", "no link yet\n")
    world.filled()
    there = world.there / "app" / API
    # Nothing that is fetched is larger than what the git below may write.
    for name in ("f4.py", "zeros"):
        make_room(there, name).write_bytes(bytes(1 << 20))
    (there / "a new one").write_text("pod\n")
    make_room(there, "link").symlink_to("f1.py")
    clear(there, "f5.py")

    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, resource.RLIM_INFINITY))
        result = run.sync(world.shared, world.transport, world.settings, Wish(), lambda _line: None)
        return result.outcome.encode()

    head = world.head
    assert in_child(work) == b"refused"
    assert world.head == head
    assert not (world.repo / API / "f5.py").exists()
    assert (world.repo / API / "a new one").read_text() == "pod\n"
    monkeypatch.setattr(world, "check", lambda: None)
    left = world.sync()
    assert "index.lock" in left.error.message
    (world.repo / ".git/index.lock").unlink()
    half = world.sync()
    assert half.error.message.splitlines()[0] == f"edited on pod, and not committed at home: {API}/f4.py"
    (world.repo / API / "f4.py").unlink()
    assert world.sync().outcome == "pulled"
    assert world.git("status", "--porcelain") == ""
    assert listing(there) == listing(world.repo / API)
