"""The inputs of roles as keyed digests: what differs in one of them differs in one digest."""

import time
from dataclasses import replace

import pytest

from dgops import settings as settings_room
from dgops.deploy import inputs
from dgops.errors import DgopsError
from dgops.health.contract import Contract
from dgops.hosts.host import Host

SEEN = {"user": {"home": "/home/seanf", "uid": 1100, "gid": 1100}, "volume": "/workspace", "missing": [], "wsl": False}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    place = tmp_path_factory.mktemp("state")
    return settings_room.load(options={"state": str(place / "state"), "cache": str(place / "cache")})


@pytest.fixture(scope="module")
def declared(settings):
    return inputs.load(settings, {"pod": {"HF_TOKEN": "abcdef"}})


def later(declared):
    """Return the same, read after all that was written so far."""
    time.sleep(0.02)
    return replace(declared, read_at=time.clock_gettime_ns(inputs.REALTIME_COARSE))


def digests(declared, seen=SEEN, paths=(), **variables):
    kept = Contract("pod", (), {}, "production", "c", "t", "me", "/", "/venv", paths={"python_env": tuple(paths)})
    return inputs.of_host(declared, Host("pod", variables=variables), kept, seen).digests


def differing(before, now):
    names = {(role, name) for role in now for name in {*before[role], *now[role]}}
    return {(role, name) for role, name in names if before[role].get(name) != now[role].get(name)}


def test_the_same_twice(declared, settings):
    assert digests(declared) == digests(inputs.load(settings, {}))


def test_every_role_has_its_files(declared):
    found = digests(declared)
    assert "roles/user/tasks/main.yml" in found["user"]
    assert {"playbooks/site.yml", "ansible-core", "roles/contract/tasks/main.yml"} <= set(found["user"])
    assert "dgops' wheel" in found["dgops_runtime"]


def test_a_variable(declared):
    assert differing(digests(declared), digests(declared, git_ssh__owner="ann")) == {("git_ssh", "git_ssh__owner")}


def test_a_variable_that_many_stand_on(declared):
    found = differing(digests(declared), digests(declared, persistent_root="/data"))
    assert ("base", "persistent_root") in found
    assert {name for _, name in found} == {"persistent_root"}


def test_a_variable_of_nobody(declared):
    assert differing(digests(declared), digests(declared, somebody_elses="x")) == set()


def test_a_fact(declared):
    moved = {**SEEN, "user": {**SEEN["user"], "uid": 1555}}
    found = differing(digests(declared), digests(declared, moved))
    assert ("git_ssh", "contract__seen.user.uid") in found
    assert {name for _, name in found} == {"contract__seen.user.uid"}


@pytest.mark.parametrize("seen", [{}, {"user": "x"}, {"user": {"uid": None}}])
def test_a_host_that_answers_rubbish_changes_digests_and_breaks_nothing(declared, seen):
    assert differing(digests(declared), digests(declared, seen))


def test_files_of_the_controller(declared, tmp_path):
    pattern = str(tmp_path / "*.txt")
    before = digests(declared, paths=[pattern])
    (tmp_path / "a.txt").write_text("1")
    first = digests(later(declared), paths=[pattern])
    (tmp_path / "a.txt").write_text("2")
    second = digests(later(declared), paths=[pattern])
    name = ("python_env", str(tmp_path / "a.txt"))
    assert differing(before, first) == differing(first, second) == {name}


def test_a_file_altered_under_way_is_never_taken_as_deployed(declared, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1")
    begun = later(declared)
    before = digests(begun, paths=[path])
    assert digests(begun, paths=[path]) == before
    path.write_text("2")
    recorded = digests(begun, paths=[path])
    name = ("python_env", str(path))
    for now in (begun, later(declared)):
        assert differing(recorded, digests(now, paths=[path])) == {name}
    assert digests(later(declared), paths=[path]) == digests(later(declared), paths=[path])


def test_a_file_that_cannot_be_read_is_named(declared, tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("1")

    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(inputs, "digest_file", closed)
    with pytest.raises(DgopsError, match=r"a\.txt, which its roles read on this machine: Permission denied") as caught:
        digests(later(declared), paths=[path])
    assert "make it readable" in caught.value.hint


def test_a_big_file_is_known_by_its_size_and_time(declared, tmp_path):
    wheel = tmp_path / "big.whl"
    wheel.write_bytes(bytes(inputs.BIG + 1))
    before = digests(later(declared), paths=[str(wheel)])
    assert digests(later(declared), paths=[str(wheel)]) == before
    wheel.write_bytes(bytes(inputs.BIG + 2))
    assert differing(before, digests(later(declared), paths=[str(wheel)])) == {("python_env", str(wheel))}


def test_nobody_else_can_make_the_same_digests(declared, tmp_path):
    other = settings_room.load(options={"state": str(tmp_path), "cache": str(tmp_path)})
    assert digests(declared)["user"]["user__name"] != digests(inputs.load(other, {}))["user"]["user__name"]


def test_the_key_is_closed_kept_and_made_anew_where_it_is_damaged(tmp_path):
    path = tmp_path / "state" / "key"
    first = inputs._key(path)
    assert inputs._key(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("rubbish")
    assert inputs._key(path) not in (first, b"")


def test_neither_key_nor_secret_shows(declared):
    assert "abcdef" not in repr(declared)
    assert repr(declared.key) not in repr(declared)
