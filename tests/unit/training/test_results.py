"""What goes home of a run: each file once, whole, and the LoRA where ComfyUI looks."""

import hashlib
import os

import pytest

from dgops.training import results
from dgops.training.values import Outputs

FOUND = Outputs({"run1/a/a_000000250.safetensors": 250, "a.safetensors": 500}, {"sample/a_000250_00.png": 250})


@pytest.fixture
def output(tmp_path):
    for path in (*FOUND.checkpoints, *FOUND.samples):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    return tmp_path


def gathered(output):
    folder = output / results.FOLDER
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_gathered_once_and_flat(output):
    assert results.gather(output, FOUND) == sorted([*FOUND.checkpoints, *FOUND.samples])
    assert gathered(output) == {
        "a_000000250.safetensors": "run1/a/a_000000250.safetensors",
        "a.safetensors": "a.safetensors",
        "samples/a_000250_00.png": "sample/a_000250_00.png",
    }
    assert results.gather(output, FOUND) == []


def test_one_that_was_seen_half_written_is_gathered_again(output):
    results.gather(output, FOUND)
    (output / "a.safetensors").unlink()
    (output / "a.safetensors").write_text("all of it, at last")
    assert results.gather(output, FOUND) == ["a.safetensors"]
    assert gathered(output)["a.safetensors"] == "all of it, at last"


def test_one_that_is_gone_meanwhile_is_left_out(output):
    """Trainers keep the newest few."""
    (output / "a.safetensors").unlink()
    assert "a.safetensors" not in results.gather(output, FOUND)
    assert not [name for name in os.listdir(output / results.FOLDER) if name.endswith(".part")]


@pytest.mark.parametrize("links", [True, False])
def test_put_with_links_and_without(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", lambda *_all: (_ for _ in ()).throw(OSError(95, "Operation not supported")))
    (tmp_path / "a").write_text("new")
    (tmp_path / "to").mkdir()
    (tmp_path / "to/a").write_text("old")
    (tmp_path / "to/.a.part").write_text("left behind by a kill")
    results.put(tmp_path / "a", tmp_path / "to/a")
    assert (tmp_path / "to/a").read_text() == "new"
    assert os.listdir(tmp_path / "to") == ["a"]
    assert ((tmp_path / "a").stat().st_nlink == 2) == links


def test_comfyui_finds_it_by_the_runs_name_and_gets_a_copy_of_its_own(tmp_path):
    """ComfyUI's folder may lie on another disk, and somebody may tidy up the run's."""
    (tmp_path / "a.safetensors").write_text("lora")
    there, digest = results.put_for_comfyui(tmp_path / "a.safetensors", tmp_path / "models/loras", "amira-0123")
    assert there == tmp_path / "models/loras/amira-0123.safetensors"
    assert digest == hashlib.sha256(b"lora").hexdigest()
    assert there.stat().st_nlink == 1
    before = there.stat().st_mtime_ns
    assert results.put_for_comfyui(tmp_path / "a.safetensors", tmp_path / "models/loras", "amira-0123")[0] == there
    assert there.stat().st_mtime_ns == before
    there.write_text("another")
    results.put_for_comfyui(tmp_path / "a.safetensors", tmp_path / "models/loras", "amira-0123")
    assert there.read_text() == "lora"
