"""Save there, commit here: each is on the other side soon, and only news is told."""

import os
import threading
import time
from contextlib import closing

import pytest
from world import Direct, World

from dgops.agent import files
from dgops.errors import UnreachableError
from dgops.hosts.host import Host
from dgops.jobs import link
from dgops.sync import artifacts, lock, maps
from dgops.sync import watch as room
from dgops.sync.scene import Wish

API = "apps/api/src"
AWAY = "pod refuses connections"


@pytest.fixture
def world(tmp_path, monkeypatch):
    world = World(tmp_path).filled()
    world.away = False
    world.transport = Direct("pod")

    def connect(host, settings):
        if world.away:
            raise UnreachableError(AWAY)
        return world.transport

    monkeypatch.setattr(room, "connect", connect)
    monkeypatch.setattr(link, "connect", connect)
    monkeypatch.setattr(files, "_become", lambda request: None)
    monkeypatch.setattr(artifacts, "SETTLE", 0.05)
    monkeypatch.setattr(room, "SHARE", 0.1)
    monkeypatch.setattr(room, "QUIET", 0.1)
    monkeypatch.setattr(room, "WAIT", 0.5)
    monkeypatch.setattr(room, "HOME_PAUSE", 0.1)
    monkeypatch.setattr(room, "RETRY", 0.1)
    return world


class Watching:
    """A watch in a thread of its own; `next` is the next result that is news."""

    def __init__(self, world, code=True, **wish):
        self.results, self.fresh = [], threading.Condition()
        shared, files = [world.shared] if code else [], maps.load_artifacts(world.settings)
        self.watch = room.watch([Host("pod")], shared, files, world.settings, Wish(**wish), world.said.append)
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


@pytest.fixture
def volume(world):
    """The same world with a folder of artifacts, where one file is whole."""
    with (world.root / "dgops.toml").open("a") as stream:
        stream.write(
            f'\n[[sync.map]]\nname = "volume"\nhost = "pod"\nhost_path = "{world.there}/volume"\n'
            'repo = "isengard"\nlocal_path = "data"\nkind = "artifacts"\n'
        )
    world.home(".gitignore", "/data/\n")
    world.sync()
    world.data, world.volume = world.repo / "data", world.there / "volume"
    world.volume.mkdir()
    (world.volume / "first.png").write_text("picture\n")
    return world


@pytest.mark.parametrize("code", [True, False])
def test_what_a_host_makes_comes_home_while_it_watches(volume, code):
    with closing(Watching(volume, code)) as watching:
        assert watching.next().pulled == ("first.png",)
        (volume.volume / "step1.safetensors").write_text("weights\n")
        assert watching.next().pulled == ("step1.safetensors",)
        assert (volume.data / "step1.safetensors").read_text() == "weights\n"
        if code:
            volume.host(f"{API}/f0.py", "edited there\n")
            assert watching.next().outcome == "pulled"
        time.sleep(1)
        assert watching.results == []


def test_what_is_open_for_writing_comes_when_it_is_closed(volume):
    with closing(Watching(volume)) as watching:
        watching.next()
        descriptor = os.open(volume.volume / "step1.safetensors", os.O_WRONLY | os.O_CREAT)
        os.write(descriptor, b"half")
        time.sleep(2)
        assert watching.results == []
        # Closing changes nothing that a look at the folder would show.
        os.close(descriptor)
        assert watching.next().pulled == ("step1.safetensors",)
    assert (volume.data / "step1.safetensors").read_text() == "half"


def test_a_file_of_ones_own_is_told_once_and_kept(volume):
    volume.data.mkdir()
    (volume.data / "first.png").write_text("mine\n")
    with closing(Watching(volume)) as watching:
        assert [path for path, _ in watching.next().skipped] == ["first.png"]
        time.sleep(1.5)
        assert watching.results == []
        (volume.data / "first.png").unlink()
        assert watching.next().pulled == ("first.png",)


@pytest.mark.parametrize("code", [True, False])
def test_a_host_that_goes_away_is_told_of_once_whatever_is_watched(volume, code):
    with closing(Watching(volume, code)) as watching:
        watching.next()
        volume.away = True
        volume.transport.tamper = lambda command, answer: (_ for _ in ()).throw(UnreachableError(AWAY))
        told = watching.next()
        assert isinstance(told.error, UnreachableError)
        time.sleep(1)
        assert watching.results == []
        volume.transport, volume.away = Direct("pod"), False
        (volume.volume / "made while away").write_text("weights\n")
        until(lambda: any(getattr(one, "pulled", ()) == ("made while away",) for one in watching.results))


def test_who_gathers_at_the_same_time_waits_and_finds_it_there(volume, monkeypatch):
    at_work, most = [], []
    real = artifacts.bring

    def bring(*arguments):
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.3)
        at_work.pop()
        return real(*arguments)

    monkeypatch.setattr(artifacts, "bring", bring)
    monkeypatch.setattr(lock, "PAUSE", 0.02)
    files = maps.load_artifacts(volume.settings)

    def gather():
        list(artifacts.gather_all([Host("pod")], files, volume.settings, volume.said.append, looking=False))

    threads = [threading.Thread(target=gather) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == [1]
    assert any("another sync is at work" in line for line in volume.said)
