"""Base model files: there with their digest, fetched, sent along, or named with all that are missing."""

import hashlib
import json
import os
import struct
import threading

import pytest
from file_server import serving

from dgops.errors import DgopsError
from dgops.jobs import sums
from dgops.training import fetch as fetching
from dgops.training import models
from dgops.training.models import require
from dgops.training.values import Model


def safetensors(size=64):
    head = json.dumps({"x": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(size)


CONTENT = safetensors()
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(fetching, "PAUSE", 0.01)
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "models"


def model(source="", sha256=SHA, file="unet/dit.safetensors", role="dit"):
    return Model(role, file, sha256, source)


def ask(folder, *wanted, told=lambda _line: None):
    require(wanted, folder, folder.parent / "sent", told)


def test_fetched_once_and_then_there(folder):
    told = []
    with serving(CONTENT) as shelf:
        for _ in range(2):
            ask(folder, model(f"{shelf.url}/a?key=secret"), told=told.append)
        assert len(shelf.asked) == 1
    assert (folder / "unet/dit.safetensors").read_bytes() == CONTENT
    assert told == [f"unet/dit.safetensors from {shelf.url}/a"]
    assert sorted(one.name for one in (folder / "unet").iterdir()) == ["dit.safetensors"]


def test_another_file_than_the_recipe_names_leaves_nothing_behind(folder):
    with serving(safetensors(65)) as shelf, pytest.raises(DgopsError, match="is another file") as caught:
        ask(folder, model(f"{shelf.url}/a?key=secret"))
    assert "secret" not in caught.value.message
    assert caught.value.hint == "look at the recipe's sha256"
    assert [one.name for one in (folder / "unet").glob("*.safetensors")] == []
    assert not (folder / "unet/.dit.safetensors.part").exists()
    with serving(CONTENT) as shelf:
        ask(folder, model(f"{shelf.url}/a"))


def test_a_page_that_says_sorry_is_no_model(folder):
    """It comes with status 200, and a recipe need not name a digest."""
    with serving(b"<html>Please log in</html>") as shelf, pytest.raises(DgopsError, match=r"no whole \.safetensors"):
        ask(folder, model(f"{shelf.url}/a", sha256=""))
    assert not (folder / "unet/dit.safetensors").exists()


def test_half_a_file_of_a_server_that_names_no_length_is_no_model(folder):
    with serving(CONTENT, lengths=False, cuts=[40]) as shelf, pytest.raises(DgopsError, match="no whole"):
        ask(folder, model(f"{shelf.url}/a", sha256=""))


def test_a_cut_is_gone_on_with_and_the_digest_is_of_all_of_it(folder):
    content = safetensors(200_000)
    wanted = model("", hashlib.sha256(content).hexdigest())
    with serving(content, cuts=[90_000]) as shelf:
        ask(folder, Model(wanted.role, wanted.file, wanted.sha256, f"{shelf.url}/a"))
        assert shelf.asked[1][1]["Range"] == "bytes=90000-"
    assert (folder / wanted.file).read_bytes() == content


def test_all_that_are_missing_are_named_at_once(folder):
    with pytest.raises(DgopsError) as caught:
        ask(folder, model(), model(role="vae", file="vae.safetensors", source="pod:/x/vae.safetensors"))
    assert f"dit: {folder}/unet/dit.safetensors\n" in caught.value.message
    assert f"vae: {folder}/vae.safetensors (its source is pod:/x/vae.safetensors)" in caught.value.message


def test_one_that_is_there_is_another(folder):
    (folder / "unet").mkdir(parents=True)
    (folder / "unet/dit.safetensors").write_bytes(b"x")
    with pytest.raises(DgopsError, match="is not the file that the recipe names") as caught:
        ask(folder, model("http://127.0.0.1:1/never"))
    assert caught.value.hint == "move it aside"


def test_a_digest_is_read_once_for_as_long_as_the_file_is_the_same(folder, monkeypatch):
    (folder / "unet").mkdir(parents=True)
    (folder / "unet/dit.safetensors").write_bytes(CONTENT)
    read = []
    real = sums.digest_file
    monkeypatch.setattr(sums, "digest_file", lambda path: read.append(path) or real(path))
    # As if it had been there for long.
    monkeypatch.setattr(sums, "TICK", -sums.TICK)
    for _ in range(3):
        ask(folder, model())
    assert len(read) == 1
    (folder / "unet/dit.safetensors").write_bytes(CONTENT + b"x")
    with pytest.raises(DgopsError):
        ask(folder, model())
    # In place, with its time set back.
    (folder / "unet/dit.safetensors").write_bytes(CONTENT)
    ask(folder, model())
    before = (folder / "unet/dit.safetensors").stat()
    (folder / "unet/dit.safetensors").write_bytes(CONTENT[:-1] + b"x")
    os.utime(folder / "unet/dit.safetensors", ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DgopsError):
        ask(folder, model())
    (folder / models.KNOWN).write_text("rubbish")
    (folder / "unet/dit.safetensors").write_bytes(CONTENT)
    ask(folder, model())


def test_one_that_came_along_is_put_where_models_lie(folder):
    came = folder.parent / "sent/dit/dit.safetensors"
    came.parent.mkdir(parents=True)
    came.write_bytes(CONTENT)
    ask(folder, model("store:/models/flux.safetensors"))
    assert (folder / "unet/dit.safetensors").read_bytes() == CONTENT


def test_one_that_came_along_broken_is_not(folder):
    came = folder.parent / "sent/dit/dit.safetensors"
    came.parent.mkdir(parents=True)
    came.write_bytes(CONTENT[:-1])
    with pytest.raises(DgopsError, match="what came from store:/models/x is another file"):
        ask(folder, model("store:/models/x"))
    assert not (folder / "unet/dit.safetensors").exists()


def test_two_jobs_that_want_the_same_fetch_it_once(folder):
    with serving(safetensors(500_000)) as shelf:
        wanted = model(f"{shelf.url}/a", sha256="")
        threads = [threading.Thread(target=ask, args=(folder, wanted)) for _ in range(3)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(30)
        assert len(shelf.asked) == 1
    assert (folder / wanted.file).read_bytes() == safetensors(500_000)
