"""What would be lost with a host: every edit that no commit at home holds, and nothing else."""

import shutil

import pytest
from world import World

from dgops.sync.guard import losses

API, SHARED = "apps/api/src", "packages/shared"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path).filled()


def lost(world, concerns=lambda one, state: True, transport=None):
    found = losses(world.shared, transport or world.transport, world.settings, concerns, world.said.append)
    world.check()
    return {(change.kind, change.path) for loss in found for change in loss.changes}, [
        loss.why for loss in found if loss.why
    ]


def test_nothing_is_lost_in_parity_and_where_only_home_is_newer(world):
    assert lost(world) == (set(), [])
    world.home(f"{API}/f0.py", "newer at home\n")
    assert lost(world) == (set(), [])


def test_every_kind_of_edit_counts_until_a_sync(world):
    world.host(f"{API}/f0.py", "edited\n")
    world.host(f"{API}/new.py", "new\n")
    (world.there / "app" / SHARED / "clock.py").unlink()
    assert lost(world) == ({("M", f"{API}/f0.py"), ("A", f"{API}/new.py"), ("D", f"{SHARED}/clock.py")}, [])
    assert world.sync(allow_deletes=True).parity
    assert lost(world) == (set(), [])


def test_what_lies_on_a_branch_is_safe(world):
    world.lines(world.there / "app" / API / "f0.py", 3, "theirs")
    world.lines(world.repo / API / "f0.py", 3, "ours")
    world.commit("ours")
    assert lost(world)[0] == {("M", f"{API}/f0.py")}
    assert world.sync().outcome == "conflict"
    assert lost(world) == (set(), [])
    world.host(f"{API}/f1.py", "since then\n")
    assert lost(world)[0] == {("M", f"{API}/f1.py")}


def test_home_may_have_it_by_another_way(world):
    world.host(f"{API}/f0.py", "the same\n")
    world.home(f"{API}/f0.py", "the same\n")
    assert lost(world) == (set(), [])


def test_a_file_that_is_too_large_to_come_home_is_a_loss(world):
    with (world.there / "app" / API / "weights.bin").open("wb") as stream:
        stream.truncate(51 << 20)
    assert lost(world) == ({("?", f"{API}/weights.bin")}, [])


def test_what_the_repository_ignores_is_nobodys_edit(world):
    world.home(".gitignore", "*.log\n")
    world.sync()
    world.host(f"{API}/server.log", "noise\n")
    assert lost(world) == (set(), [])


def test_a_missing_file_means_nothing_in_a_fresh_replica_and_a_foreign_one_does(world):
    shutil.rmtree(world.there / "app/apps")
    assert lost(world) == (set(), [])
    world.host(f"{API}/f0.py", "the image's\n")
    assert lost(world) == ({("M", f"{API}/f0.py")}, [])
    world.host(f"{API}/f0.py", world.git("show", f"HEAD:{API}/f0.py") + "\n")
    assert lost(world) == (set(), [])


def test_only_maps_in_danger_are_told(world):
    world.host(f"{API}/f0.py", "edited\n")
    world.host(f"{SHARED}/clock.py", "tock\n")
    assert lost(world, lambda one, state: one.name == "shared")[0] == {("M", f"{SHARED}/clock.py")}
    assert lost(world, lambda one, state: False) == (set(), [])


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("checkout", "-q", "--detach"), "detached HEAD"),
        (("switch", "-q", "-c", "other"), "on branch other"),
    ],
)
def test_where_nobody_can_tell_all_counts_as_lost(world, argv, words):
    world.git(*argv)
    changes, why = lost(world)
    assert changes == set()
    assert len(why) == 2
    assert words in why[0]
