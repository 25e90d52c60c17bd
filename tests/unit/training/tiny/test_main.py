"""python -m tiny: refused without what it needs, and the same LoRA whether it was broken off or not."""

import hashlib
import json
import re

import pytest
from PIL import Image

from dgops.training.progress import kohya
from dgops.training.written import metadata


@pytest.fixture(autouse=True)
def shots(tmp_path):
    (tmp_path / "set").mkdir()
    for number, colour in enumerate(("red", "green", "blue")):
        Image.new("RGB", (32, 32), colour).save(tmp_path / f"set/{number}.png")
        (tmp_path / f"set/{number}.txt").write_text(f"amira {colour}")


def digest(path):
    """Return the digest of a file's weights; its head names what it says in another order each time."""
    content = path.read_bytes()
    return hashlib.sha256(content[8 + int.from_bytes(content[:8], "little") :]).hexdigest()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"fast_test": False}, "FATAL: training on a CPU was asked for, which is for fast-test mode only"),
        ({"dataset": "/nowhere"}, "/nowhere"),
        ({"resume": "a-step00000004-state"}, "train_state.json"),
    ],
)
def test_what_it_cannot_do_ends_it_at_once(tiny, changed, words):
    done = tiny.train(**changed)
    assert done.returncode
    assert words in done.stderr
    assert not (tiny.folder / "out/a.safetensors").exists()


def test_broken_off_and_gone_on_with_it_is_the_same_lora(tiny, tmp_path):
    whole = tiny.train()
    assert whole.returncode == 0, whole.stderr
    first = digest(tmp_path / "out/a.safetensors")
    head = metadata(tmp_path / "out/a.safetensors")
    assert (head["ss_steps"], head["ss_num_batches_per_epoch"], head["ss_network_dim"]) == ("8", "2", "4")
    states = [kohya(one) for one in re.split(r"[\r\n]", whole.stderr)]
    assert [one.step for one in states if one][-1] == 8
    assert "model saved." in whole.stdout
    assert (tmp_path / "out/sample/a_000008_00_42.png").is_file()
    # What a kill after the first state leaves behind.
    for name in ("a.safetensors", "a-step00000004.safetensors"):
        (tmp_path / "out" / name).unlink()
    for path in (tmp_path / "out/a-step00000008-state").iterdir():
        path.unlink()
    (tmp_path / "out/a-step00000008-state").rmdir()
    again = tiny.train(resume="a-step00000004-state")
    assert again.returncode == 0, again.stderr
    assert digest(tmp_path / "out/a.safetensors") == first
    # The checkpoint that the kill came before is made from its state.
    assert metadata(tmp_path / "out/a-step00000004.safetensors")["ss_steps"] == "4"
    assert json.loads((tmp_path / "out/a-step00000008-state/train_state.json").read_text())["current_step"] == 8
    assert next(one.step for one in map(kohya, re.split(r"[\r\n]", again.stderr)) if one) == 4


def test_the_loss_falls(tiny):
    done = tiny.train(steps=60, save_every=0, scheduler="cosine", rank=8)
    losses = [one.loss for one in map(kohya, re.split(r"[\r\n]", done.stderr)) if one and one.loss is not None]
    assert sum(losses[-10:]) < sum(losses[2:12])
