"""Where wheel caches lie, and which locks they are asked for."""

import pytest

from dgops import settings as settings_room
from dgops.cli import wheel_places
from dgops.cli.wheel_places import Place, places
from dgops.environments import profiles
from dgops.errors import DgopsError, UsageError


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("DGOPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(wheel_places, "WINDOWS", tmp_path / "windows")
    (tmp_path / "dgops.toml").write_text("")
    return settings_room.load(tmp_path)


def test_this_machine(settings, tmp_path):
    (place,) = places(settings, None)
    assert (place.path, place.host) == (str(tmp_path / "cache" / "wheel-cache"), None)
    assert {"runtime", "uv"} <= set(place.known())
    (tmp_path / "windows").mkdir()
    assert places(settings, None)[0].path == str(tmp_path / "windows"), "as on WSL"


def test_a_host_that_was_never_deployed(settings, tmp_path):
    (tmp_path / "inventories/local").mkdir(parents=True)
    (tmp_path / "inventories/local/hosts.yml").write_text("all: {hosts: {pod: {ansible_host: 127.0.0.1}}}\n")
    with pytest.raises(DgopsError, match="pod has no wheel cache that is known here") as caught:
        places(settings, "pod")
    assert caught.value.hint == "dgops deploy --host pod makes it"


def test_locks_and_their_index(tmp_path):
    (tmp_path / "plain.txt").write_text("numpy==1.26 \\\n    --hash=sha256:00\n")
    (tmp_path / "cuda.txt").write_text(
        "numpy==1.26 \\\n    --hash=sha256:00\ntorch==2.5.1+cu121 ; x \\\n    --hash=sha256:00\n"
    )
    (tmp_path / "own.txt").write_text("torch==2.5.1+mine ; x \\\n    --hash=sha256:00\n")
    place = Place("here", "/cache", tmp_path)
    assert place.known() == ["cuda", "own", "plain"]
    indexes = [one["index_url"] for one in place.texts(place.known())]
    assert indexes == [profiles.get("cu121").index, "", ""]
    with pytest.raises(UsageError, match="no lock is named plan") as caught:
        place.texts(["plan"])
    assert caught.value.hint == "did you mean plain?"
