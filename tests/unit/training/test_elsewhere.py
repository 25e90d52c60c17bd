"""Model files of another host: brought here once, sent along while the host lacks them, and then forgotten here."""

import hashlib
import random
from pathlib import Path

import pytest

from dgops import settings as settings_room
from dgops.errors import DgopsError, UsageError
from dgops.hosts.host import Host
from dgops.jobs import pull
from dgops.jobs.job import Input
from dgops.jobs.link import Link
from dgops.training import elsewhere
from dgops.training.order import Order
from dgops.training.values import Dataset, Model, Parameters, Recipe

SAID = Parameters("adamw", "constant", "bf16", 1e-4, 8, 8.0, 512, steps=10)


@pytest.fixture
def store(tmp_path):
    """Make two hosts of this machine: one that has the model, and one that shall train."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store/flux.safetensors").write_bytes(b"weights")
    hosts = "---\nall:\n  children:\n    stores:\n      hosts:\n        store: {ansible_connection: local}\n"
    more = "        spare: {ansible_connection: local}\n"
    Path("inventories/local").mkdir(parents=True)
    Path("inventories/local/hosts.yml").write_text(hosts + more)
    Path("dgops.toml").touch()
    return settings_room.load()


def order(tmp_path, source, sha256=""):
    known = (Model("dit", "unet/flux1-dev.safetensors", sha256, source), Model("vae", "ae.safetensors"))
    recipe = Recipe("a", "sd-scripts", "flux", "quick", "d", "t", SAID, models=known)
    return Order(recipe, Dataset("d", 1), "/v", str(tmp_path / "out"), str(tmp_path / "models"), str(tmp_path / "c"))


def ask(store, made, told=lambda _line: None):
    return elsewhere.inputs(Host("here", "local"), store, made, told)


def test_brought_once_sent_until_it_is_there_and_then_forgotten_here(tmp_path, store):
    digest = hashlib.sha256(b"weights").hexdigest()
    made, told = order(tmp_path, f"store:{tmp_path}/store/flux.safetensors", digest), []
    first = ask(store, made, told.append)
    (kept,) = [one.local for one in first]
    assert first == [Input(kept, "models/dit/flux1-dev.safetensors")]
    assert kept.read_bytes() == b"weights"
    assert ask(store, made, told.append) == first
    assert told == [f"unet/flux1-dev.safetensors from store:{tmp_path}/store/flux.safetensors"]
    (tmp_path / "models/unet").mkdir(parents=True)
    (tmp_path / "models/unet/flux1-dev.safetensors").write_bytes(b"weights")
    assert ask(store, made) == []
    assert not kept.exists()


def test_one_that_is_cut_goes_on_where_it_was(tmp_path, store, monkeypatch):
    content = random.Random(1).randbytes(5 << 20)
    (tmp_path / "store/flux.safetensors").write_bytes(content)
    monkeypatch.setattr(pull, "LARGE", 1 << 20)
    made, whole = order(tmp_path, f"store:{tmp_path}/store/flux.safetensors"), Link.stream
    asked = []

    def cut(self, command, request, sink):
        def take(piece):
            sink(piece[: 1 << 20])
            raise KeyboardInterrupt

        asked.append(request())
        whole(self, command, request, take if len(asked) == 1 else sink)

    monkeypatch.setattr(Link, "stream", cut)
    with pytest.raises(KeyboardInterrupt):
        ask(store, made)
    (kept,) = [one.local for one in ask(store, made)]
    assert kept.read_bytes() == content
    assert asked[1]["offset"] > 0
    assert asked[1]["offset"] + asked[1]["length"] == len(content)


def test_a_link_is_followed_and_a_copy_of_another_version_is_not_sent(tmp_path, store):
    (tmp_path / "store/link.safetensors").symlink_to("flux.safetensors")
    source = f"store:{tmp_path}/store/link.safetensors"
    (kept,) = [one.local for one in ask(store, order(tmp_path, source))]
    assert kept.read_bytes() == b"weights"
    (tmp_path / "store/flux.safetensors").write_bytes(b"newer weights")
    digest = hashlib.sha256(b"newer weights").hexdigest()
    (kept,) = [one.local for one in ask(store, order(tmp_path, source, digest))]
    assert kept.read_bytes() == b"newer weights"


def test_another_file_than_the_recipe_names_is_not_sent(tmp_path, store):
    made = order(tmp_path, f"store:{tmp_path}/store/flux.safetensors", "0" * 64)
    with pytest.raises(DgopsError, match="is another file") as caught:
        ask(store, made)
    assert caught.value.hint == "look at the recipe's sha256"
    assert not list((store.state / "models").rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("nobody:/x/flux.safetensors", UsageError, "nobody"),
        ("stores:/x/flux.safetensors", UsageError, "stores names 2 hosts"),
        ("store:/nowhere/flux.safetensors", DgopsError, "store:/nowhere/flux.safetensors is no file there"),
        ("store:/etc", DgopsError, "store:/etc is no file there"),
    ],
)
def test_a_source_that_is_none(tmp_path, store, source, error, words):
    with pytest.raises(error) as caught:
        ask(store, order(tmp_path, source))
    assert words in caught.value.message


@pytest.mark.parametrize("source", ["", "https://example.org/a.safetensors", "hf:owner/name/a.safetensors"])
def test_what_the_host_fetches_itself_asks_nobody(tmp_path, store, source, monkeypatch):
    monkeypatch.setattr(elsewhere, "connect", lambda *_all: pytest.fail("a host was asked"))
    assert ask(store, order(tmp_path, source)) == []
