"""What a stage wrote down, read back from whatever lies there now."""

import json
import os
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.dataset import manifest
from dgops.dataset.manifest import Digests, Item, Manifest


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "02_crop"
    (made / "images").mkdir(parents=True)
    (made / "images/a.png").write_bytes(b"picture")
    return made


@pytest.fixture
def whole(folder):
    items = (Item("a", "a.jpg", "0" * 64, "images/a.png"), Item("b", "b.jpg", reason="no face"))
    made = Manifest("02_crop", 1, "f" * 64, {"crop": "face"}, items, Digests().of_folder(folder))
    made.write(folder)
    return made


def test_what_is_written_is_read(folder, whole):
    assert manifest.load(folder) == whole
    assert [item.name for item in whole.kept] == ["a"]
    assert [item.reason for item in whole.rejected] == ["no face"]
    assert Digests().matches(whole, folder)


def test_two_of_the_same_have_the_same_bytes(folder, whole):
    first = (folder / manifest.NAME).read_bytes()
    whole.write(folder)
    assert (folder / manifest.NAME).read_bytes() == first
    assert manifest.load(folder).digest() == whole.digest()


def test_a_changed_output_does_not_match(folder, whole):
    (folder / "images/a.png").write_bytes(b"pictur3")
    assert not Digests().matches(whole, folder)
    assert not Digests().is_untouched(whole, folder)


def test_a_missing_output_does_not_match_but_nothing_is_lost(folder, whole):
    (folder / "images/a.png").unlink()
    assert not Digests().matches(whole, folder)
    assert Digests().is_untouched(whole, folder)


def test_a_file_that_somebody_added_is_noticed(folder, whole):
    (folder / "notes.txt").write_text("mine")
    assert Digests().matches(whole, folder)
    assert not Digests().is_untouched(whole, folder)


def test_a_link_in_an_outputs_place_is_no_output(folder, whole):
    (folder / "images/b.png").write_bytes(b"picture")
    (folder / "images/a.png").unlink()
    (folder / "images/a.png").symlink_to("b.png")
    assert not Digests().matches(whole, folder)


def test_a_pipe_in_an_outputs_place_does_not_block(folder, whole):
    (folder / "images/a.png").unlink()
    os.mkfifo(folder / "images/a.png")
    assert not Digests().matches(whole, folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "\x00", '{"stage": 1}', "[" * 100_000])
def test_rubbish_is_no_manifest(folder, text):
    (folder / manifest.NAME).write_text(text)
    assert manifest.load(folder) is None


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1"},
        {"items": [{}]},
        {"outputs": {"../a": {"sha256": "0", "size": 1}}},
        {"outputs": {"/etc/passwd": {"sha256": "0", "size": 1}}},
        {"outputs": {"a": {"sha256": 0, "size": 1}}},
        {"outputs": {}},
        {"extra": 1},
    ],
)
def test_other_shapes_are_no_manifest(whole, change):
    raw = json.loads(json.dumps(asdict(whole)))
    assert manifest.parse(raw) == whole
    assert manifest.parse({**raw, **change}) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.dictionaries(st.sampled_from([*Manifest.__dataclass_fields__, "other"]), VALUES))
def test_no_json_value_makes_it_fall_over(raw):
    found = manifest.parse(raw)
    assert found is None or isinstance(found, Manifest)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_it_fall_over(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("stage")
    (folder / manifest.NAME).write_bytes(data)
    assert manifest.load(folder) is None
