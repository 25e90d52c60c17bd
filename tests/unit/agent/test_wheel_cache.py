"""The wheel cache as a role and a person use it: real processes, a real index, real damage."""

import json
import os
import signal
import stat
import sys

import pytest
from wheel_house import build, lock, sha

from dgops.agent import scratch, wheel_cache, wheel_notes

OTHER_PLATFORM = "cp27-cp27m-win32"


def check(house, locks, seeds=""):
    """What the probe sees by the notes alone."""
    digests = {name: wheel_notes.text_digest(text) for name, text in locks.items()}
    return wheel_notes.seen({"path": str(house.cache), "locks": digests, "seeds": seeds})


GOOD = {"unknown": [], "missing": [], "touched": []}


def test_fetch_downloads_what_is_missing_and_then_asks_nobody(house):
    # Here, and on every host, pip runs as it comes.
    house.agent = [sys.executable, "-m", "dgops.agent", "wheels"]
    locks = {"app": lock(build(house.shop, "one"), build(house.shop, "two"))}
    first = house.ask("fetch", locks)
    assert first["changed"]
    assert first["locks"]["app"]["downloaded"] == ["one-1.0-py3-none-any.whl", "two-1.0-py3-none-any.whl"]
    assert check(house, locks) == {**GOOD, "count": 2}
    house.index.asked.clear()
    again = house.ask("fetch", locks)
    assert (again["changed"], again["locks"]["app"]["there"]) == (False, 2)
    assert house.index.asked == []
    assert house.ask("fetch", locks, offline=True)["changed"] is False


def test_only_what_is_missing_is_downloaded(house):
    wheels = [build(house.shop, name) for name in ("one", "two")]
    locks = {"app": lock(*wheels)}
    build(house.cache, "two")
    assert house.ask("fetch", locks)["locks"]["app"]["downloaded"] == [wheels[0].name]
    assert [path for path in house.index.asked if "two" in path] == []


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "altered, same size": lambda path: path.write_bytes(path.read_bytes().replace(b"value = 1", b"value = 2")),
    "empty": lambda path: path.write_bytes(b""),
    "another wheel under its name": lambda path: path.write_bytes(
        build(path.parent.parent / "x", "other").read_bytes()
    ),
}


def test_damage_is_seen_by_its_hash_and_repaired(house):
    """Every kind at once: pip takes seconds to start."""
    wheels = {f"w{number}": harm for number, harm in enumerate(DAMAGE.values())}
    wheels = {(build(house.shop, name), build(house.cache, name))[0]: harm for name, harm in wheels.items()}
    names, locks = [wheel.name for wheel in wheels], {"app": lock(*wheels)}
    house.ask("fetch", locks, offline=True)
    for wheel, harm in wheels.items():
        harm(house.cache / wheel.name)
    assert check(house, locks)["touched"] == names
    found = house.ask("verify", locks)
    assert [one["name"] for one in found["bad"]] == names
    assert all("none of the 1 hashes" in one["problem"] for one in found["bad"])
    assert all(sha(house.cache / wheel.name) != sha(wheel) for wheel in wheels), "verify only reports"
    assert house.ask("fetch", locks)["locks"]["app"]["repaired"] == names
    assert all(sha(house.cache / wheel.name) == sha(wheel) for wheel in wheels)
    assert check(house, locks) == {**GOOD, "count": len(DAMAGE)}


@pytest.mark.parametrize("harm", list(DAMAGE.values())[:2], ids=list(DAMAGE)[:2])
def test_damage_without_a_network_is_named_and_never_used(house, harm):
    wheel, _ = build(house.shop, "one"), build(house.cache, "one")
    locks = {"app": lock(wheel)}
    house.ask("fetch", locks, offline=True)
    harm(house.cache / wheel.name)
    damaged = sha(house.cache / wheel.name)
    said = house.refused("fetch", locks, offline=True).splitlines()[-1]
    assert said.startswith(f"error: {house.cache / wheel.name} is not what its lock says and was not used")
    assert f"sha256:{damaged}, the lock says sha256:{sha(wheel)}" in said
    assert check(house, locks)["touched"] == [wheel.name]


TOUCHES = {
    "stolen": (lambda path: path.unlink(), "missing"),
    "mode": (lambda path: path.chmod(0o600), "touched"),
    "a link in its place": (lambda path: (path.rename(f"{path}.old"), path.symlink_to(f"{path}.old")), "touched"),
    "a folder in its place": (lambda path: (path.unlink(), path.mkdir()), "touched"),
    "older than it was": (lambda path: os.utime(path, (0, 0)), "touched"),
}


@pytest.mark.parametrize(("harm", "kind"), TOUCHES.values(), ids=TOUCHES)
def test_the_cheap_check_sees_every_touch(house, harm, kind):
    wheel, _ = build(house.shop, "one"), build(house.cache, "one")
    locks = {"app": lock(wheel)}
    house.ask("fetch", locks, offline=True)
    harm(house.cache / wheel.name)
    assert check(house, locks)[kind] == [wheel.name]


def test_seeds_are_noted_and_watched(house):
    seed = build(house.cache, "seed")
    locks = {"app": lock(build(house.cache, "one"))}
    assert check(house, locks, seed.name)["touched"] == [seed.name]
    house.ask("fetch", locks, seeds=[seed.name])
    assert check(house, locks, seed.name) == {**GOOD, "count": 2}
    seed.write_bytes(b"altered")
    assert check(house, locks, seed.name)["touched"] == [seed.name]


def test_a_look_changes_nothing(house):
    locks = {"app": lock(build(house.shop, "one"))}
    looked = house.ask("fetch", locks, check=True)
    assert looked == {"changed": True, "missing": {"app": ["one 1.0"]}}
    assert list(house.cache.iterdir()) == []
    build(house.cache, "one")
    house.ask("fetch", locks, offline=True)
    assert house.ask("fetch", locks, check=True) == {"changed": False, "missing": {"app": []}}
    (house.cache / wheel_notes.NAME).unlink()
    assert house.ask("fetch", locks, check=True)["changed"], "notes that are gone are made again"
    assert not (house.cache / wheel_notes.NAME).exists()


def test_wheels_of_other_platforms_lie_beside_and_are_not_taken(house):
    other = build(house.cache, "one", tag=OTHER_PLATFORM)
    mine = build(house.shop, "one")
    done = house.ask("fetch", {"app": lock(other, mine)})
    assert done["locks"]["app"]["downloaded"] == [mine.name]
    assert house.names() == sorted([other.name, mine.name])
    assert house.ask("verify", {"app": lock(other, mine)})["bad"] == []


def test_a_wheel_with_no_suitable_build_is_named(house):
    only = build(house.shop, "one", tag=OTHER_PLATFORM)
    said = house.refused("fetch", {"app": lock(only)})
    assert "error: one 1.0 could not be downloaded: ERROR: No matching distribution found for one==1.0" in said
    assert house.names() == []


def test_an_index_that_lies_gives_nothing(house):
    wheel = build(house.shop, "one")
    locks = {"app": lock(wheel)}
    build(house.shop, "one", content=b"evil = 1\n")
    said = house.refused("fetch", locks)
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in said
    assert house.names() == []


def test_a_killed_download_leaves_nothing_that_counts(house):
    locks = {"app": lock(build(house.shop, "one"), build(house.shop, "two", content=b"#" * 3_000_000))}
    house.index.slow = "two-1.0-py3-none-any.whl"
    child = house.start("fetch", locks)
    assert house.index.halfway.wait(60)
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=20)
    assert house.names() == []
    left = [path.name for path in house.cache.iterdir()]
    assert len(left) == 1
    assert left[0].startswith(scratch.PREFIX)
    house.index.released.set()
    done = house.ask("fetch", locks)
    assert done["swept"] == left
    assert house.names() == ["one-1.0-py3-none-any.whl", "two-1.0-py3-none-any.whl"]
    assert [path.name for path in house.cache.iterdir() if path.name.startswith(scratch.PREFIX)] == []


def test_two_at_once_both_end_well(house):
    wheels = [build(house.shop, "one"), build(house.shop, "two", content=b"#" * 2_000_000)]
    locks = {"app": lock(*wheels)}
    house.index.slow = wheels[1].name
    first = house.start("fetch", locks)
    assert house.index.halfway.wait(60)
    # While the first one waits in the middle of its download.
    house.index.slow = ""
    second = house.ask("fetch", locks)
    assert second["swept"] == [], "what another still uses is left alone"
    house.index.released.set()
    code, answer, errors = house.end(first)
    assert (code, errors) == (0, "")
    assert answer["locks"]["app"]["downloaded"] == [wheel.name for wheel in wheels]
    assert {sha(house.cache / wheel.name) for wheel in wheels} == {sha(wheel) for wheel in wheels}
    house.ask("fetch", locks)
    assert check(house, locks) == {**GOOD, "count": 2}


def test_a_full_disk_is_named_and_leaves_no_half(house, small_disk):
    house.cache = small_disk
    locks = {"app": lock(build(house.shop, "big", content=os.urandom(3_000_000)))}
    said = house.refused("fetch", locks).splitlines()[-1]
    assert said.startswith(f"error: No space left on device: {small_disk} has ")
    assert said.endswith(" too few to download big 1.0")
    assert list(small_disk.iterdir()) == []


def test_a_full_disk_while_packing(house, small_disk):
    house.cache = small_disk
    locks = {"app": lock(build(small_disk, "big", content=os.urandom(1_200_000)))}
    said = house.refused("pack", locks)
    assert f"No space left on device: {small_disk} needs 2 MB for the moment" in said
    assert house.names() == ["big-1.0-py3-none-any.whl"]


def test_list_names_sizes_and_who_wants_them(house):
    one, two = build(house.cache, "one"), build(house.cache, "two")
    found = house.ask("list", {"app": lock(one), "more": lock(one)})
    assert found["files"] == [
        {"name": one.name, "size": one.stat().st_size, "locks": ["app", "more"]},
        {"name": two.name, "size": two.stat().st_size, "locks": []},
    ]


def test_pack_then_list_verify_and_a_damaged_archive(house):
    locks = {"app": lock(build(house.cache, "one"))}
    packed = house.ask("pack", locks)["locks"]["app"]
    assert packed["packed"]
    assert packed["name"] == f"app-{wheel_notes.text_digest(locks['app'])[:16]}.tar.zst"
    assert house.ask("pack", locks)["locks"]["app"]["packed"] is False
    assert house.ask("list", locks)["files"][1]["locks"] == ["app"]
    assert house.ask("verify", locks)["bad"] == []
    archive = house.cache / packed["name"]
    archive.write_bytes(archive.read_bytes()[:-3])
    assert [one["name"] for one in house.ask("verify", locks)["bad"]] == [packed["name"]]
    assert house.ask("pack", locks)["locks"]["app"]["packed"], "what was touched is packed again"


def test_pack_wants_everything_there(house):
    one, two = build(house.cache, "one"), build(house.shop, "two")
    said = house.refused("pack", {"app": lock(one, two)})
    assert f"error: two 1.0 is not in {house.cache}: dgops wheels fetch gets it" in said


def test_a_link_is_no_wheel_and_is_replaced(house):
    one, kept = build(house.shop, "one"), build(house.cache, "one")
    locks = {"app": lock(one)}
    house.ask("fetch", locks, offline=True)
    kept.rename(house.cache / "elsewhere")
    kept.symlink_to("elsewhere")
    assert check(house, locks)["touched"] == [one.name]
    house.ask("fetch", locks)
    assert not kept.is_symlink()
    assert kept.read_bytes() == one.read_bytes()
    assert check(house, locks)["touched"] == []


def test_prune_takes_what_no_lock_names(house):
    one, old, seed = build(house.cache, "one"), build(house.cache, "one", "0.9"), build(house.cache, "seed")
    theirs = build(house.cache, "theirs")
    locks = {"app": lock(one)}
    house.ask("fetch", {"app": lock(old)})
    house.ask("fetch", locks, seeds=[seed.name])
    (house.cache / "app-0123456789abcdef.tar.zst").write_bytes(b"stale")
    (house.cache / f"{scratch.PREFIX}old").mkdir()
    os.utime(house.cache / f"{scratch.PREFIX}old", (0, 0))
    (house.cache / "photo.jpg").touch()
    going = [old.name, "app-0123456789abcdef.tar.zst", f"{scratch.PREFIX}old"]
    size = old.stat().st_size
    looked = house.ask("prune", locks, dry_run=True)
    assert [row["name"] for row in looked["removed"]] == going
    assert all((house.cache / name).exists() for name in going)
    assert house.ask("prune", locks) == looked
    assert looked["bytes"] == size + 5
    assert house.names() == sorted([one.name, seed.name, theirs.name, "photo.jpg"]), "another project's stays"
    assert house.ask("prune", locks)["removed"] == []


def test_prune_without_locks_is_refused(house):
    build(house.cache, "one")
    assert "no lock was given" in house.refused("prune", {})
    assert house.names() == ["one-1.0-py3-none-any.whl"]


def test_a_cache_that_is_not_there(house):
    house.cache.rmdir()
    locks = {"app": lock(build(house.shop, "one"))}
    assert "error: there is no wheel cache at" in house.refused("list", locks)
    assert house.ask("fetch", locks, check=True)["missing"] == {"app": ["one 1.0"]}


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_root_works_as_the_owner_of_the_cache(house):
    wheel = build(house.cache, "one")
    for folder in (house.folder, *house.folder.parents):
        if folder.stat().st_uid == 0 and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    os.chown(house.cache, 65534, 65534)
    house.ask("pack", {"app": lock(wheel)})
    assert {path.stat().st_uid for path in house.cache.iterdir() if path != wheel} == {65534}


@pytest.mark.parametrize(
    "notes", [b"", b"[]", b"{", b'{"files": [], "locks": {"x": 3}, "seeds": [{}]}', b"[" * 100_000], ids=range(5)
)
def test_notes_of_any_shape_are_made_again(house, notes):
    locks = {"app": lock(build(house.cache, "one"))}
    (house.cache / wheel_notes.NAME).write_bytes(notes)
    assert check(house, locks)["unknown"] == ["app"]
    house.ask("fetch", locks, offline=True)
    assert check(house, locks) == {**GOOD, "count": 1}
    json.loads((house.cache / wheel_notes.NAME).read_text())


def test_the_commands_are_these():
    assert sorted(wheel_cache.OPS) == ["fetch", "list", "pack", "prune", "verify"]
