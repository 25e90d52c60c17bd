"""Files that a host makes come home once, whole, and never over somebody's own."""

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import volume
from volume import TABLE, Link

from dgops import settings as settings_room
from dgops.agent import files as files_room
from dgops.errors import ConfigError, UnreachableError
from dgops.sync import artifacts, manifest, maps


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A repository that ignores /data/, and a volume with two files that were written a while ago."""
    world = SimpleNamespace(root=tmp_path, there=tmp_path / "volume/isengard", home=tmp_path / "isengard/data", said=[])
    subprocess.run(["git", "init", "-q", tmp_path / "isengard"], check=True, timeout=30)
    (tmp_path / "isengard/.gitignore").write_text("/data/\n")
    (tmp_path / "dgops.toml").write_text(TABLE.format(there=tmp_path / "volume"))
    world.link = Link(SimpleNamespace(name="pod", variables={"user__name": "root"}))
    monkeypatch.setattr(artifacts, "Link", lambda host, settings, said: world.link)
    monkeypatch.setattr(files_room, "_become", lambda request: None)
    monkeypatch.setattr(artifacts, "SETTLE", 0.0)

    def make(name, text, age=60):
        volume.make(world.there / name, text, age)

    def gather(looking=False):
        settings = settings_room.load(tmp_path)
        host = SimpleNamespace(name="pod")
        (found,) = artifacts.gather_all(
            [host], maps.load_artifacts(settings), settings, world.said.append, looking=looking
        )
        return found

    world.make, world.gather = make, gather
    make("a.png", "picture\n")
    make("deep/b.safetensors", "weights\n")
    return world


def test_all_comes_home_once_with_a_manifest(world):
    found = world.gather()
    assert (found.pulled, found.files, found.error) == (("a.png", "deep/b.safetensors"), 2, None)
    assert (world.home / "deep/b.safetensors").read_text() == "weights\n"
    record = json.loads((world.home / ".dgops-manifest.json").read_text())
    assert (record["host"], set(record["files"])) == ("pod", {"a.png", "deep/b.safetensors"})
    world.link.asked.clear()
    assert world.gather().pulled == ()
    assert world.link.asked == ["list"], "nothing is hashed again"


def test_only_what_changed_and_nothing_is_deleted(world):
    world.gather()
    world.make("a.png", "another picture\n", age=30)
    (world.there / "deep/b.safetensors").unlink()
    found = world.gather()
    assert found.pulled == ("a.png",)
    assert (world.home / "a.png").read_text() == "another picture\n"
    assert (world.home / "deep/b.safetensors").exists()


def test_what_is_still_written_comes_next_time(world, monkeypatch):
    monkeypatch.setattr(artifacts.time, "sleep", lambda seconds: world.make("a.png", "half of a picture, growing\n"))
    assert world.gather().pulled == ("deep/b.safetensors",)
    monkeypatch.undo()
    assert not (world.home / "a.png").exists()


def test_one_that_is_stopped_knows_nothing_of_what_it_did_not_bring(world):
    (one,) = maps.load_artifacts(settings_room.load(world.root))
    asked = []

    def go():
        asked.append(1)
        return len(asked) < 2

    assert artifacts.gather(one, world.link, world.said.append, go).pulled == ()
    assert manifest.read(world.home).rows == {}
    assert world.gather().pulled == ("a.png", "deep/b.safetensors")


def test_looking_changes_nothing(world):
    assert world.gather(looking=True).pulled == ("a.png", "deep/b.safetensors")
    assert not world.home.exists()


@pytest.mark.parametrize("known", [True, False])
def test_a_file_of_ones_own_is_left_alone(world, known):
    if known:
        world.gather()
    world.home.mkdir(exist_ok=True)
    (world.home / "a.png").write_text("mine\n")
    world.make("a.png", "theirs, and longer\n", age=10)
    found = world.gather()
    assert [path for path, _ in found.skipped] == ["a.png"]
    assert not found.ok
    assert (world.home / "a.png").read_text() == "mine\n"
    (world.home / "a.png").unlink()
    assert world.gather().pulled == ("a.png",)


def test_a_folder_that_git_would_see_is_refused(world):
    (world.root / "isengard/.gitignore").write_text("")
    found = world.gather()
    assert "data is not ignored" in found.error.message
    assert "/data/" in found.error.hint
    assert not world.home.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 9, "files": {}}', '{"version": 1, "files": 3}'])
def test_a_damaged_manifest_knows_nothing_and_harms_nothing(world, content):
    world.gather()
    (world.home / ".dgops-manifest.json").write_text(content)
    assert world.gather().skipped == ()
    assert set(manifest.read(world.home).rows) == {"a.png", "deep/b.safetensors"}


def test_names_that_lead_elsewhere_are_refused_before_anything_is_written(world):
    def tamper(op, answer):
        if op == "digest":
            answer["files"]["isengard/../../x"] = answer["files"].pop("isengard/a.png")
        return answer

    world.link.tamper = tamper
    found = world.gather()
    assert "offers what no output of this job is" in found.error.message
    assert not world.home.exists()


def test_a_host_that_is_away_is_said_so(world, monkeypatch):
    def cut(*arguments, **more):
        raise UnreachableError("pod refuses connections")

    world.link.exchange = cut
    assert world.gather().error.exit_code == 3


def test_an_empty_or_missing_folder_is_nothing(world):
    shutil.rmtree(world.there)
    found = world.gather()
    assert (found.files, found.error) == (0, None)


@pytest.mark.parametrize(
    ("line", "words"),
    [('kind = "files"', "neither code nor artifacts"), ('branch = "main"', "artifacts are never committed")],
)
def test_mistakes_in_a_map(world, line, words):
    text = TABLE.format(there=world.root / "volume")
    (world.root / "dgops.toml").write_text(
        text.replace('kind = "artifacts"\n', "") + line + "\n" if "kind" in line else text + line
    )
    with pytest.raises(ConfigError, match=words):
        maps.load(settings_room.load(world.root))


def test_the_example_is_read(tmp_path):
    example = Path(__file__).parents[3] / "examples/dgops.toml"
    (tmp_path / "project").mkdir()
    (tmp_path / "project/dgops.toml").write_text(example.read_text())
    subprocess.run(["git", "init", "-q", tmp_path / "isengard"], check=True, timeout=30)
    settings = settings_room.load(tmp_path / "project")
    (shared,) = maps.load(settings)
    assert len(shared.maps) == 4
    (one,) = maps.load_artifacts(settings)
    assert (one.host_path, one.local_path) == ("/runpod-volume/isengard", "data")
