"""Save there, commit here: each is on the other side soon, and only news is told."""

import threading
import time
from contextlib import closing

import pytest
from world import Direct, World

from dgops.errors import UnreachableError
from dgops.sync import watch as room
from dgops.sync.scene import Wish

API = "apps/api/src"


@pytest.fixture
def world(tmp_path, monkeypatch):
    world = World(tmp_path).filled()
    world.away = False
    world.transport = Direct("pod")

    def connect(host, settings):
        if world.away:
            raise UnreachableError("pod refuses connections")
        return world.transport

    monkeypatch.setattr(room, "connect", connect)
    monkeypatch.setattr(room, "QUIET", 0.1)
    monkeypatch.setattr(room, "WAIT", 0.5)
    monkeypatch.setattr(room, "HOME_PAUSE", 0.1)
    monkeypatch.setattr(room, "RETRY", 0.1)
    return world


class Host:
    name = "pod"


class Watching:
    """A watch in a thread of its own; `next` is the next result that is news."""

    def __init__(self, world, **wish):
        self.results, self.fresh = [], threading.Condition()
        self.watch = room.watch([Host()], [world.shared], world.settings, Wish(**wish), world.said.append)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for result in self.watch:
            with self.fresh:
                self.results.append(result)
                self.fresh.notify_all()

    def next(self):
        with self.fresh:
            assert self.fresh.wait_for(lambda: self.results, 30), "no news"
            return self.results.pop(0)

    def close(self):
        """Let the threads end: behind the test there is only the true `connect`. The reader is left to its end."""
        known = self.watch.gi_frame.f_locals
        known["desk"].stop.set()
        for thread in known["threads"]:
            thread.join(30)
            assert not thread.is_alive()


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_edit_there_is_a_commit_here_and_a_commit_here_is_there(world):
    with closing(Watching(world)) as watching:
        time.sleep(0.5)
        world.host(f"{API}/f0.py", "edited there\n")
        result = watching.next()
        assert (result.outcome, [one.path for one in result.changes]) == ("pulled", [f"{API}/f0.py"])
        assert world.git("show", f"HEAD:{API}/f0.py") == "edited there"
        world.home(f"{API}/f1.py", "made here\n")
        result = watching.next()
        assert (result.outcome, [one.path for one in result.pushed]) == ("pushed", [f"{API}/f1.py"])
        assert world.host(f"{API}/f1.py") == "made here\n"
        time.sleep(1)
        assert watching.results == []


def test_a_burst_of_saves_is_one_commit(world):
    before = len(world.log)
    with closing(Watching(world, message="worked on the api")) as watching:
        time.sleep(0.5)
        for number in range(4):
            world.host(f"{API}/f{number}.py", "edited\n")
            time.sleep(0.02)
        assert len(watching.next().changes) == 4
    assert len(world.log) == before + 1
    assert world.git("log", "-1", "--format=%s") == "worked on the api"


def test_trouble_is_told_once_and_its_end_too(world):
    with closing(Watching(world)) as watching:
        time.sleep(0.5)
        (world.repo / API / "f0.py").write_text("not committed\n")
        world.host(f"{API}/f0.py", "edited there\n")
        assert watching.next().outcome == "conflict"
        world.host(f"{API}/f1.py", "also\n")
        time.sleep(1.5)
        assert all(one.outcome == "conflict" for one in watching.results)
        world.git("checkout", "-q", "--", ".")
        world.home(f"{API}/f2.py", "wakes it\n")
        until(lambda: any(one.outcome not in ("conflict",) for one in watching.results))
    assert world.host(f"{API}/f2.py") == "wakes it\n"


def test_a_host_that_goes_away_comes_back(world):
    with closing(Watching(world)) as watching:
        time.sleep(0.3)
        world.away = True
        world.transport.tamper = lambda command, answer: (_ for _ in ()).throw(UnreachableError("cut"))
        world.host(f"{API}/f0.py", "edited while away\n")
        assert watching.next().outcome == "unreachable"
        world.transport, world.away = Direct("pod"), False
        until(lambda: (world.repo / API / "f0.py").read_text() == "edited while away\n")


def test_what_was_asked_for_a_fresh_replica_counts_once(world, monkeypatch):
    wishes = []
    real = room.sync

    def sync(shared, transport, settings, wish, say):
        wishes.append((wish.source, wish.allow_deletes))
        return real(shared, transport, settings, wish, say)

    monkeypatch.setattr(room, "sync", sync)
    with closing(Watching(world, source="local", allow_deletes=True)) as watching:
        until(lambda: wishes)
        time.sleep(1)
        world.host(f"{API}/f0.py", "edited\n")
        watching.next()
    assert wishes[0] == ("local", True)
    assert set(wishes[1:]) == {("", False)}


@pytest.mark.parametrize(("side", "outcome"), [("host", "pulled"), ("home", "pushed")])
def test_what_is_made_while_a_sync_runs_is_not_missed(world, monkeypatch, side, outcome):
    real, made = room.sync, []

    def sync(shared, transport, settings, wish, say):
        result = real(shared, transport, settings, wish, say)
        if not made:
            made.append(getattr(world, side)(f"{API}/f1.py", "made just behind the look\n"))
        return result

    monkeypatch.setattr(room, "sync", sync)
    with closing(Watching(world)) as watching:
        assert watching.next().outcome == outcome
    assert world.host(f"{API}/f1.py") == (world.repo / API / "f1.py").read_text() == "made just behind the look\n"
