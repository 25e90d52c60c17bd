"""A build's settings and inventory are its own, and are gone afterwards whatever happened."""

import os

import pytest
import yaml

from dgops import settings as settings_room
from dgops.errors import BusyError, DgopsError
from dgops.images import place
from dgops.images.kinds import KINDS
from dgops.sandbox import locks, teardown
from dgops.sandbox.layout import layout_of
from dgops.sandbox.records import Record
from dgops.sandbox.spec import HostSpec


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Settings of a project where nothing is really started."""
    (tmp_path / "dgops.toml").write_text("")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(teardown, "down", lambda settings: None)
    monkeypatch.setattr(place, "_start", lambda layout, kind, report: Record(HostSpec(place.NAME), "abc", 4001))
    return settings_room.load(tmp_path)


def started(settings, **variables):
    return place.started(KINDS["wsl"], variables, settings, lambda line: None)


def test_the_users_sandbox_is_another_one(settings):
    with started(settings) as found:
        own, theirs = layout_of(found.settings), layout_of(settings)
        assert own.identity != theirs.identity
        assert own.inventory != theirs.inventory
        assert own.known_hosts != theirs.known_hosts
        assert own.cache == theirs.cache


def test_the_inventory_makes_seanf_with_the_first_uid_and_no_key(settings):
    with started(settings, dgops_profile="cu121") as found:
        text = (found.settings.inventories[0] / "hosts.yml").read_text()
    host = yaml.safe_load(text)["all"]["hosts"][place.NAME]
    assert (host["user__name"], host["user__uid"], host["user__gid"]) == ("seanf", 1000, 1000)
    assert host["user__authorized_keys_of_login"] is False
    assert host["git_ssh__forward_agent"] is True
    assert (host["ansible_port"], host["dgops_profile"]) == (4001, "cu121")


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_nothing_is_left(settings, error):
    folder = settings.state.resolve() / "image"
    (folder / "work").mkdir(parents=True)
    (folder / "work/left-by-a-killed-one").write_text("x")

    def go():
        with started(settings) as found:
            assert list(found.work.iterdir()) == []
            (found.work / "root").mkdir()
            if error:
                raise error

    if error:
        with pytest.raises(error):
            go()
    else:
        go()
    assert not folder.exists()


def test_a_second_build_is_told_of_the_first(settings, monkeypatch):
    monkeypatch.setattr(place, "_PATIENCE", 0.0)
    with locks.hold(settings.state.resolve() / "image.lock", 1.0), pytest.raises(BusyError), started(settings):
        pass


def test_without_root_it_is_refused_before_anything_is_touched(settings, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(DgopsError, match="needs root"), started(settings):
        pass
    assert not (settings.state / "image").exists()
