"""What an input holds: links that lead out, things that are no files, names that meet."""

import os

import pytest

from dgops.errors import ConfigError, UsageError
from dgops.files import digest_bytes
from dgops.jobs import source
from dgops.jobs.job import Input


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "photos"
    (made / "deep/er").mkdir(parents=True)
    (made / "a.jpg").write_bytes(b"a")
    (made / "deep/er/run.sh").write_bytes(b"run")
    (made / "deep/er/run.sh").chmod(0o750)
    return made


def test_a_folder(folder, tmp_path):
    (found,) = source.read([Input(folder, "photos")], "here", tmp_path / "state")
    assert {name: (one.size, one.mode) for name, one in found.files.items()} == {
        "a.jpg": (1, 0o644),
        "deep/er/run.sh": (3, 0o750),
    }
    assert found.files["a.jpg"].sha256 == digest_bytes(b"a")
    assert len(found.key) == 16
    assert found.to_json() == {"path": "photos", "store": found.key}
    assert source.read([Input(folder, "photos")], "elsewhere", tmp_path / "state")[0].key != found.key


def test_a_file(folder, tmp_path):
    (found,) = source.read([Input(folder / "a.jpg", "in/b.jpg")], "here", tmp_path / "state")
    assert list(found.files) == ["b.jpg"]
    assert found.to_json()["file"] is True


def test_links_inside_are_followed(folder, tmp_path):
    (folder / "same.jpg").symlink_to("a.jpg")
    (folder / "again").symlink_to("deep")
    (found,) = source.read([Input(folder, "photos")], "here", tmp_path / "state")
    assert set(found.files) == {"a.jpg", "same.jpg", "deep/er/run.sh", "again/er/run.sh"}
    assert found.files["same.jpg"].size == 1


def test_links_out_and_other_oddities_are_named_at_once(folder, tmp_path):
    (tmp_path / "secret").write_text("s")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "gone").symlink_to("nowhere")
    (folder / "loop").symlink_to(folder / "deep/..")
    (folder / "self").symlink_to("self")
    os.mkfifo(folder / "pipe")
    (folder / "new\nline").write_text("")
    with pytest.raises(ConfigError) as caught:
        source.read([Input(folder, "photos")], "here", tmp_path / "state")
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 6
    for words in ("leads out of", "nowhere, which is not there", "to its own folder", "neither a file nor", "'new\\n"):
        assert words in text


def test_missing_ones_at_once(tmp_path):
    with pytest.raises(UsageError) as caught:
        source.read([Input(tmp_path / "a", "a"), Input(tmp_path / "b", "b")], "here", tmp_path / "state")
    assert f"{tmp_path}/a, {tmp_path}/b" in caught.value.message


@pytest.mark.parametrize("names", [("x", "x"), ("x", "x/y"), ("x/y", "x")])
def test_two_of_one_name(folder, tmp_path, names):
    with pytest.raises(UsageError, match="in one place"):
        source.read([Input(folder, name) for name in names], "here", tmp_path / "state")


def test_some_of_a_folder(folder, tmp_path):
    (found,) = source.read([Input(folder, "photos", only=("deep/er/run.sh",))], "here", tmp_path / "state")
    assert list(found.files) == ["deep/er/run.sh"]
    assert source.read([Input(folder, "photos", only=())], "here", tmp_path / "state")[0].files == {}
