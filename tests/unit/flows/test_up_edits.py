"""Edits of a pod that comes and goes: home before it ends, a fresh pod is filled, and nothing is taken for granted."""

import shutil

import pytest

from dgops.errors import DgopsError, UnreachableError
from dgops.flows.up_edits import bring_home
from dgops.hosts.host import Host
from dgops.sync import run

HOST = Host("pod")


@pytest.fixture
def home(world, monkeypatch):
    """Return `home()`: what `up` does about the edits of the pod."""
    monkeypatch.setattr(run, "connect", lambda _host, _settings: world.transport)
    return lambda: bring_home(HOST, world.settings, world.said.append)


def test_a_host_without_maps_is_left_alone(world, home):
    (world.root / "dgops.toml").write_text("")
    assert (home(), world.said) == ([], [])


def test_folders_that_never_were_synced_are_told_and_left_to_their_owner(world, home):
    assert home() == []
    assert world.said == ["pod  isengard was never synced there: dgops sync --host pod --from local"]
    assert list(world.there.iterdir()) == []


def test_folders_of_another_host_are_not_looked_at(world, monkeypatch):
    world.filled()
    monkeypatch.setattr(run, "connect", lambda *_: pytest.fail("it was connected"))
    assert bring_home(Host("other"), world.settings, pytest.fail) == []


def test_an_edit_comes_home_as_a_commit(world, home):
    before = world.filled().head
    world.host("apps/api/src/f0.py", "edited\n")
    (result,) = home()
    assert [one.path for one in result.changes] == ["apps/api/src/f0.py"]
    assert (world.head == before, (world.repo / "apps/api/src/f0.py").read_text()) == (False, "edited\n")


def test_a_pod_that_came_back_empty_is_filled_and_deletes_nothing(world, home):
    before = world.filled().head
    shutil.rmtree(world.there / "app")
    (result,) = home()
    assert (result.ok(), world.head) == (True, before)
    assert world.host("packages/shared/clock.py") == "tick\n"


def test_what_does_not_fit_stops_it_and_is_safe_on_a_branch(world, home):
    world.filled()
    world.host("packages/shared/clock.py", "tock\n")
    world.home("packages/shared/clock.py", "cuckoo\n")
    with pytest.raises(DgopsError, match=r"pod's side is safe on branch sync/pod/") as caught:
        home()
    assert "merge sync/pod/" in caught.value.hint
    assert len(world.branches) == 1
    assert (world.repo / "packages/shared/clock.py").read_text() == "cuckoo\n"


def test_a_pod_that_cannot_be_asked_stops_it(world, home, monkeypatch):
    def gone(_host, _settings):
        raise UnreachableError("pod: no route")

    world.filled()
    monkeypatch.setattr(run, "connect", gone)
    with pytest.raises(UnreachableError, match="no route"):
        home()
