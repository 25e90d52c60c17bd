"""Model files: small ones are read at every look, large ones once."""

import hashlib
import json
import os

import pytest

from dgops.agent import live_models

CONTENT = b"weights" * 100
DIGEST = hashlib.sha256(CONTENT).hexdigest()
ZEROS = "0" * 64


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = tmp_path / "models/a.safetensors"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def large(model, monkeypatch):
    monkeypatch.setattr(live_models, "SMALL", 10)
    return model


def look(path, **more):
    return live_models.model({"path": str(path), **more})


def test_absent(tmp_path):
    assert look(tmp_path / "none") == {"exists": False}
    (tmp_path / "file").touch()
    assert look(tmp_path / "file/below") == {"exists": False}


def test_size_alone_reads_nothing(model):
    assert look(model) == {"exists": True, "size": len(CONTENT)}


def test_a_small_one_is_read(model):
    assert look(model, sha256=ZEROS)["sha256"] == DIGEST


def test_another_size_is_answer_enough(model):
    assert look(model, size=5, sha256=ZEROS) == {"exists": True, "size": len(CONTENT)}
    assert look(model, size=str(len(CONTENT)), sha256=ZEROS)["sha256"] == DIGEST


def test_a_large_one_is_read_by_a_deep_look_and_known_from_then_on(large):
    assert look(large, sha256=ZEROS)["sha256"] is None
    assert look(large, sha256=ZEROS, deep=True)["sha256"] == DIGEST
    assert look(large, sha256=ZEROS)["sha256"] == DIGEST


def test_what_was_altered_is_not_known_any_more(large):
    look(large, sha256=ZEROS, deep=True)
    status = large.stat()
    large.write_bytes(CONTENT.swapcase())
    os.utime(large, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert look(large, sha256=ZEROS)["sha256"] is None


def test_a_deep_look_reads_again_what_is_known(large):
    look(large, sha256=ZEROS, deep=True)
    memory = large.parent / live_models.MEMORY
    known = json.loads(memory.read_text())
    known[str(large)][-1] = ZEROS
    memory.write_text(json.dumps(known))
    assert look(large, sha256=ZEROS)["sha256"] == ZEROS
    assert look(large, sha256=ZEROS, deep=True)["sha256"] == DIGEST


@pytest.mark.parametrize("rubbish", ["", "[]", '{"x": 1', "{}", "NAME", "LIST"])
def test_a_damaged_memory_is_none(large, rubbish):
    words = {"NAME": json.dumps({str(large): "x"}), "LIST": json.dumps({str(large): []})}
    (large.parent / live_models.MEMORY).write_text(words.get(rubbish, rubbish))
    assert look(large, sha256=ZEROS)["sha256"] is None


def test_where_the_folder_cannot_be_written_the_home_remembers(large, tmp_path, monkeypatch):
    # A folder of that name: not even root can write a file over it.
    (large.parent / live_models.MEMORY).mkdir()
    assert look(large, sha256=ZEROS, deep=True)["sha256"] == DIGEST
    assert (tmp_path / "home/.cache/dgops/model-digests.json").exists()
    assert look(large, sha256=ZEROS)["sha256"] == DIGEST
