"""Real trainers' plans run and killed wherever it hurts: they end at the very step, and write over nothing."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dgops.errors import DgopsError
from dgops.training import machine, run
from dgops.training.machine import Machine
from dgops.training.order import Order
from dgops.training.teller import Teller
from dgops.training.values import Dataset, Model, Parameters, Recipe, Samples

STANDINS = Path(__file__).parents[2] / "cases/training/standins"
SCRIPTS = {
    "sd-scripts": ("sdxl_train_network.py",),
    "ai-toolkit": ("run.py",),
    "musubi": tuple(
        f"src/musubi_tuner/qwen_image_{name}.py"
        for name in ("cache_latents", "cache_text_encoder_outputs", "train_network")
    ),
}
MODELS = {"ai-toolkit": (), "sd-scripts": ("checkpoint",), "musubi": ("dit", "vae", "text_encoder")}
ARCHITECTURES = {"ai-toolkit": "flux", "sd-scripts": "sdxl", "musubi": "qwen-image"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Make a host of it: a trainer's clone with a venv, models, a set, and a GPU that the driver tells of."""
    monkeypatch.setattr(machine, "look", lambda: Machine(2, ("Test GPU",), "550.1", 80.0))
    monkeypatch.setattr(machine, "vram_used", lambda: 1.0)
    monkeypatch.setenv("PER_EPOCH", "7")
    monkeypatch.setenv("CACHED", "7")
    monkeypatch.delenv("DGOPS_EVENTS_FD", raising=False)
    (tmp_path / "packages/bitsandbytes").mkdir(parents=True)
    (tmp_path / "packages/bitsandbytes/__init__.py").touch()
    (tmp_path / "packages/bitsandbytes/__main__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    return tmp_path


def order_for(place, trainer, steps=50, scheduler="constant"):
    app = place / trainer
    for script in SCRIPTS[trainer]:
        (app / script).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(STANDINS / ("ai_toolkit.py" if trainer == "ai-toolkit" else "kohya.py"), app / script)
    (app / ".venv/bin").mkdir(parents=True, exist_ok=True)
    python = app / ".venv/bin/python"
    if not python.exists():
        python.symlink_to(sys.executable)
    (place / "models").mkdir(exist_ok=True)
    for role in MODELS[trainer]:
        (place / "models" / f"{role}.safetensors").write_bytes(b"x")
    recipe = Recipe(
        name="amira",
        trainer=trainer,
        architecture=ARCHITECTURES[trainer],
        preset="quick",
        dataset="x",
        trigger="amiranoor",
        parameters=Parameters("adamw8bit", scheduler, "bf16", 1e-4, 8, 8.0, 512, steps=steps, save_every=10),
        samples=Samples(),
        models=tuple(Model(role, f"{role}.safetensors") for role in MODELS[trainer]),
    )
    folders = (str(place / name) for name in ("out", "models", "cache"))
    return Order(recipe, Dataset("sha256:0", 7), str(app / ".venv"), *folders)


def train(place, order, say=lambda _line: None):
    (place / "work/dataset").mkdir(parents=True, exist_ok=True)
    return run.train(order, place / "work", "production", Teller(), say)


def total_of(trainer, steps, scheduler):
    exact = trainer == "ai-toolkit" or (trainer == "sd-scripts" and scheduler == "constant")
    return steps if exact else -(-steps // 7) * 7


def curve_of(place):
    return [json.loads(line)["step"] for line in (place / "out/metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("scheduler", ["constant", "cosine"])
@pytest.mark.parametrize("trainer", SCRIPTS)
def test_killed_and_resumed(place, monkeypatch, trainer, scheduler):
    order = order_for(place, trainer, scheduler=scheduler)
    total = total_of(trainer, 50, scheduler)
    # In the middle of an epoch; between a checkpoint and its state; before the first save; between the last two files.
    for when, half in (("3", ""), ("23", ""), ("10", "1"), ("2", ""), ("end", "")):
        monkeypatch.setenv("DIE_AT", when)
        monkeypatch.setenv("HALF", half)
        with pytest.raises(DgopsError, match=r"exit 9"):
            train(place, order)
        for path in (place / "out").rglob("*_000000010.safetensors"):
            # As a copy does: the oldest checkpoint is now the newest by the time that ai-toolkit chooses by.
            path.chmod(0o600)
    monkeypatch.delenv("DIE_AT")
    card = train(place, order)
    assert curve_of(place) == list(range(1, total + 1))
    assert train(place, order) == json.loads(json.dumps(card))


@pytest.mark.parametrize("trainer", SCRIPTS)
def test_whole(place, trainer):
    order = order_for(place, trainer)
    train(place, order)
    assert curve_of(place) == list(range(1, total_of(trainer, 50, "constant") + 1))
    assert (place / "out/results/loss.png").stat().st_size
    assert list((place / "out/results").rglob("amira.safetensors"))


def test_the_curve_is_what_was_logged(place):
    """The bar says 0.5 at every step."""
    train(place, order_for(place, "ai-toolkit"))
    losses = [json.loads(line)["loss"] for line in (place / "out/metrics.jsonl").read_text().splitlines()]
    assert losses == [1 / step for step in range(1, 51)]


def test_out_of_memory_says_what_to_lower(place):
    """The next thing that only costs time; and what died is not run again by itself."""
    order = order_for(place, "musubi")
    (place / "musubi/src/musubi_tuner/qwen_image_train_network.py").write_text(
        'import sys; sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB")'
    )
    with pytest.raises(DgopsError, match="out of memory") as caught:
        train(place, order)
    words = "next to lower in the recipe: fp8_base true, fp8_scaled true; dgops run train --lower does so by itself"
    assert caught.value.hint == words
    assert not (place / "out/lowered.json").exists()


def out_of_memory_unless(script, words):
    """Let a stand-in die as torch does unless its command line holds these words."""
    script.write_text(
        f"import sys\nif not all(one in sys.argv for one in {words!r}):\n"
        '    sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB")\n' + script.read_text()
    )


def lowering(place, trainer):
    order = order_for(place, trainer)
    return replace(order, lower=True)


def test_lowered_where_that_was_asked_for_until_it_fits(place):
    order = lowering(place, "musubi")
    script = place / "musubi/src/musubi_tuner/qwen_image_train_network.py"
    out_of_memory_unless(script, ["--fp8_scaled", "--blocks_to_swap", "16"])
    said = []
    card = train(place, order, said.append)
    lowered = ["fp8_base true, fp8_scaled true", "fp8_base true, fp8_scaled true, blocks_to_swap 16"]
    assert card["training"]["lowered"] == lowered
    assert [one for one in said if one.startswith("out of memory")] == [
        f"out of memory: goes on with {one}" for one in lowered
    ]
    assert card["run"] == order.run
    assert card["recipe"]["options"]["blocks_to_swap"] == "16"
    assert curve_of(place) == list(range(1, 57))


def test_lowered_in_the_middle_it_goes_on_from_its_state_and_stays_lowered(place, monkeypatch):
    """A state is there: what costs only time may be lowered, and the next run of it begins lowered."""
    order = lowering(place, "musubi")
    monkeypatch.setenv("DIE_AT", "23")
    with pytest.raises(DgopsError, match="exit 9"):
        train(place, order)
    monkeypatch.delenv("DIE_AT")
    out_of_memory_unless(place / "musubi/src/musubi_tuner/qwen_image_train_network.py", ["--fp8_scaled"])
    monkeypatch.setenv("DIE_AT", "20")
    with pytest.raises(DgopsError, match="exit 9"):
        train(place, order)
    monkeypatch.delenv("DIE_AT")
    said = []
    card = train(place, replace(order, lower=False), said.append)
    assert said[0] == "lowered as before: fp8_base true, fp8_scaled true"
    assert card["training"]["lowered"] == ["fp8_base true, fp8_scaled true"]
    assert curve_of(place) == list(range(1, 57))


def test_with_a_state_nothing_is_lowered_that_it_would_not_fit(place, monkeypatch):
    order = lowering(place, "sd-scripts")
    monkeypatch.setenv("DIE_AT", "23")
    with pytest.raises(DgopsError, match="exit 9"):
        train(place, order)
    monkeypatch.delenv("DIE_AT")
    out_of_memory_unless(place / "sd-scripts/sdxl_train_network.py", ["never"])
    with pytest.raises(DgopsError, match=r"out of memory at step 20 of 50; the last good state is step 20"):
        train(place, order)
    assert not (place / "out/lowered.json").exists()


def test_at_the_foot_of_the_ladder_it_ends(place):
    """SDXL of one picture at 512 pixels: only the rank is left, and it is not enough."""
    order = lowering(place, "sd-scripts")
    parameters = replace(order.recipe.parameters, rank=16)
    order = replace(order, recipe=replace(order.recipe, parameters=parameters))
    out_of_memory_unless(place / "sd-scripts/sdxl_train_network.py", ["never"])
    with pytest.raises(DgopsError, match="out of memory") as caught:
        train(place, order)
    assert caught.value.hint == "nothing is left to lower: take a larger GPU"
    assert json.loads((place / "out/lowered.json").read_text())["lowered"] == ["rank 8"]


def test_a_model_that_came_along_with_the_job_is_put_in_its_place(place):
    order = order_for(place, "sd-scripts")
    (place / "work/models/checkpoint").mkdir(parents=True)
    (place / "models/checkpoint.safetensors").rename(place / "work/models/checkpoint/checkpoint.safetensors")
    head = b'{"x": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}'
    whole = len(head).to_bytes(8, "little") + head + b"x"
    (place / "work/models/checkpoint/checkpoint.safetensors").write_bytes(whole)
    train(place, order)
    assert (place / "models/checkpoint.safetensors").read_bytes() == whole


def test_a_bitsandbytes_that_does_not_work_costs_no_training(place):
    order = order_for(place, "sd-scripts")
    (place / "packages/bitsandbytes/__main__.py").write_text('import sys; sys.exit("CUDA Setup failed")')
    with pytest.raises(DgopsError, match="bitsandbytes does not work"):
        train(place, order)
    assert not (place / "out/dataset.toml").exists()


def test_ai_toolkit_that_begins_anew_in_spite_of_its_checkpoint_is_ended(place, monkeypatch):
    order = order_for(place, "ai-toolkit")
    monkeypatch.setenv("DIE_AT", "23")
    with pytest.raises(DgopsError):
        train(place, order)
    monkeypatch.delenv("DIE_AT")
    script = place / "ai-toolkit/run.py"
    script.write_text(script.read_text().replace("begin = step_of(path) if path else 0", "begin = 0"))
    with pytest.raises(DgopsError, match=r"began anew at step 1, .* step 20; the last good state is step 20"):
        train(place, order)


def test_half_cached(place, monkeypatch):
    """musubi-tuner would train on the rest without a word."""
    monkeypatch.setenv("CACHED", "6")
    with pytest.raises(DgopsError, match="6 of 7 items are cached"):
        train(place, order_for(place, "musubi"))
    assert not (place / "out/metrics.jsonl").exists()
