"""How long what is known of pods is believed: not beyond its time, and not after something was changed from here."""

import os

import pytest

from dgops import settings as settings_room
from dgops.pods import inventory_age as room


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "dgops.toml").write_text('runpod_url = "https://api.example.org"\n')
    return settings_room.load(tmp_path)


def test_it_is_kept_for_each_address(settings, tmp_path):
    assert room.folder(settings) == tmp_path / ".dgops/pods/api.example.org/inventory"


def test_what_was_kept_is_believed_and_what_was_not_is_not(settings, monkeypatch):
    assert room.until(settings) == 0.0
    monkeypatch.setattr(room.time, "time", lambda: 1000.0)
    room.keep(settings, room.SOON)
    assert room.until(settings) == 1000.0 + room.SOON
    monkeypatch.setattr(room.time, "time", lambda: 1000.0 + room.SOON)
    assert room.until(settings) == 0.0


def test_a_clock_that_was_set_back_makes_nothing_younger(settings, monkeypatch):
    monkeypatch.setattr(room.time, "time", lambda: 1000.0)
    room.keep(settings, room.LIFE)
    monkeypatch.setattr(room.time, "time", lambda: 10.0)
    assert room.until(settings) == 0.0


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "-1", "\xff"])
def test_what_is_damaged_is_not_believed(settings, text):
    room.keep(settings, room.LIFE)
    (room.folder(settings) / "until").write_text(text, encoding="latin-1")
    assert room.until(settings) == 0.0


def test_a_change_from_here_has_the_next_look_ask_anew(settings):
    room.keep(settings, room.LIFE)
    room.expire(settings)
    assert room.until(settings) == 0.0
    room.expire(settings)


def test_a_folder_that_cannot_be_written_to_keeps_nobody_from_listing(settings):
    room.folder(settings).parent.mkdir(parents=True)
    room.folder(settings).write_text("in the way")
    room.keep(settings, room.LIFE)
    assert room.until(settings) == 0.0
    os.unlink(room.folder(settings))
