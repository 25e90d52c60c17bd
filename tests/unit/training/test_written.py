"""What lies in a run's folder: what is whole is asked what it says of itself, and nothing hostile is followed."""

import json
import os
import struct

import pytest

from dgops.training import written
from dgops.training.written import metadata, scan


def safetensors(said=None, size=4, cut=0, extra=0):
    head = {"x": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    if said is not None:
        head["__metadata__"] = said
    text = json.dumps(head).encode()
    body = struct.pack("<Q", len(text)) + text + bytes(size)
    return body[: len(body) - cut] + bytes(extra)


def test_names_sizes_and_what_is_said(tmp_path):
    (tmp_path / "sample").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "a.safetensors").write_bytes(safetensors({"ss_steps": "250"}))
    (tmp_path / "state/train_state.json").write_text('{"current_step": 250}')
    (tmp_path / "sample/a.png").write_bytes(b"png")
    found = scan(tmp_path)
    assert {name: size for name, (size, _) in found.files.items()} == {
        "a.safetensors": len(safetensors({"ss_steps": "250"})),
        "state/train_state.json": 21,
        "sample/a.png": 3,
    }
    assert found.notes == {"a.safetensors": {"ss_steps": "250"}, "state/train_state.json": {"current_step": 250}}


def test_what_is_hidden_linked_or_no_file_is_not_there(tmp_path):
    (tmp_path / ".a.safetensors.part").write_bytes(b"half")
    (tmp_path / ".state").mkdir()
    (tmp_path / ".state/train_state.json").write_text("{}")
    (tmp_path / "link.json").symlink_to("/etc/hostname")
    (tmp_path / "folder").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe.json")
    assert scan(tmp_path).files == {}
    assert scan(tmp_path / "nowhere").files == {}


@pytest.mark.parametrize("text", ["[1]", "{", "nul", "[" * 100_000, ""])
def test_json_that_is_no_object_says_nothing(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    found = scan(tmp_path)
    assert "a.json" in found.files
    assert found.notes == {}


def test_json_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(written, "LARGEST_JSON", 10)
    (tmp_path / "a.json").write_text('{"a": "123456789"}')
    assert scan(tmp_path).notes == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (safetensors({"a": "b"}), {"a": "b"}),
        (safetensors(), {}),
        (safetensors({"a": "b"}, cut=1), None),
        (safetensors({"a": "b"}, cut=20), None),
        (safetensors({"a": "b"}, extra=1), None),
        (b"", None),
        (b"short", None),
        (struct.pack("<Q", 2**60) + b"{}", None),
        (struct.pack("<Q", 2) + b"[]", None),
        (struct.pack("<Q", 2) + b"{}", {}),
        (struct.pack("<Q", 9) + b'{"x": []}', None),
        (struct.pack("<Q", 9) + b'{"x": {}}', None),
        (struct.pack("<Q", 19) + b'{"__metadata__": 1}', None),
        (struct.pack("<Q", 8) + b"\xff" * 8, None),
    ],
)
def test_a_safetensors_file_speaks_only_when_it_is_whole(tmp_path, content, said):
    """A file that is being written, or was cut off, is none to go on from."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    assert metadata(path) == said


def test_a_file_is_read_once_and_again_when_it_has_changed(tmp_path, monkeypatch):
    read = []
    metadata = written.metadata
    monkeypatch.setattr(written, "metadata", lambda path: read.append(path) or metadata(path))
    path = tmp_path / "a.safetensors"
    for step in ("250", "250", "500"):
        if not path.exists() or step == "500":
            path.write_bytes(safetensors({"ss_steps": step}))
        assert scan(tmp_path).notes == {"a.safetensors": {"ss_steps": step}}
    assert len(read) == 2
