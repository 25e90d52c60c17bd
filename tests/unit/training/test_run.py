"""A run on the machine that trains: gone on with after a kill, stopped at a loss that is none, its end looked at."""

import json
import os
import sys
from pathlib import Path

import pytest

from dgops.errors import BusyError, DgopsError
from dgops.training import card, curve, machine, models, order, program, run
from dgops.training.order import Order
from dgops.training.teller import Teller
from dgops.training.trainers import tiny
from dgops.training.values import Dataset, Parameters, Recipe, Samples

# A stand-in with tiny's files and lines, since this interpreter has no torch; what it does is in SCRIPT.
PROGRAM = (Path(__file__).parents[2] / "cases/training/tiny.txt").read_text()


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.setattr(tiny, "program", lambda: {"program/tiny/__main__.py": PROGRAM, "program/tiny/__init__.py": ""})
    monkeypatch.setattr(machine, "look", lambda: machine.Machine(1))
    (tmp_path / "venv/bin").mkdir(parents=True)
    os.symlink(sys.executable, tmp_path / "venv/bin/python")
    said = Parameters("adamw", "constant", "fp32", 1e-3, 4, 4.0, 32, steps=20, save_every=5)
    recipe = Recipe("a", "tiny", "tiny-unet", "quick", "d", "t", said, Samples(("t",)))
    where = {"output": str(tmp_path / "out"), "models": str(tmp_path / "models"), "cache": str(tmp_path / "cache")}
    return Order(recipe, Dataset("d" * 64, 4), str(tmp_path / "venv"), loras=str(tmp_path / "loras"), **where)


def train(made, monkeypatch, heard=lambda _line: None, **script):
    monkeypatch.setenv("SCRIPT", json.dumps(script))
    return run.train(made, Path(made.output).parent, "fast-test", Teller(), heard)


def test_to_its_end_and_again(made, monkeypatch):
    found = train(made, monkeypatch)
    results = Path(made.output) / "results"
    assert (found["training"]["steps"], found["training"]["loss"]) == (20, 1 / 20)
    assert [step for step, _ in curve.read(results / "metrics.jsonl")] == list(range(1, 21))
    names = {one.name for one in results.iterdir()}
    assert names >= {"a.safetensors", "a-step00000005.safetensors", "card.json", "README.md", "loss.png"}
    assert (Path(made.loras) / f"{made.run}.safetensors").is_file()
    monkeypatch.setattr(program, "run", lambda *_all: pytest.fail("it ran again"))
    assert train(made, monkeypatch) == card.read(results)


def test_killed_and_gone_on_with_it_counts_right_and_writes_nothing_over(made, monkeypatch):
    with pytest.raises(DgopsError, match=r"exit 1 at step 12 of 20; the last good state is step 10"):
        train(made, monkeypatch, die=12)
    first = Path(made.output) / "a-step00000010.safetensors"
    before = first.stat()
    found = train(made, monkeypatch)
    assert (found["training"]["begun_at"], found["training"]["steps"]) == (10, 20)
    assert (first.stat().st_ino, first.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    losses = curve.read(Path(made.output) / "metrics.jsonl")
    assert losses == [(step, pytest.approx(1 / step)) for step in range(1, 21)]


def test_a_loss_that_is_no_number_ends_it(made, monkeypatch):
    with pytest.raises(DgopsError, match=r"the loss is nan at step 8; the last good state is step 5") as caught:
        train(made, monkeypatch, nan=8)
    assert "learning_rate" in caught.value.hint
    # What it wrote before it could be ended is nothing to go on from.
    assert not [one for one in Path(made.output).glob("a*.safetensors") if one.name > "a-step00000005.safetensors"]
    assert train(made, monkeypatch)["training"]["begun_at"] == 5


@pytest.mark.parametrize(("first", "kept"), [(6, "no state was saved yet"), (11, "step 5"), (12, "step 10")])
def test_a_state_is_good_once_a_step_behind_it_had_a_loss(made, monkeypatch, first, kept):
    with pytest.raises(DgopsError, match=kept):
        train(made, monkeypatch, nan=first)


def test_a_state_that_leads_to_no_number_at_once_is_not_gone_on_from_again(made, monkeypatch):
    for step, kept in ((12, "step 10"), (11, "step 5"), (6, "no state was saved yet")):
        with pytest.raises(DgopsError, match=f"the loss is nan at step {step}; .*{kept}"):
            train(made, monkeypatch, nan=step)
    assert train(made, monkeypatch)["training"]["begun_at"] == 0


def test_a_second_one_is_told_whose_turn_it_is(made, monkeypatch):
    monkeypatch.setenv("DGOPS_JOB_ID", "3df831ae")
    monkeypatch.setattr(models, "require", lambda *_all: train(made, monkeypatch))
    with pytest.raises(BusyError, match=f"{made.run} is being trained here by job 3df831ae"):
        train(made, monkeypatch)


def test_out_of_memory_names_what_to_lower(made, monkeypatch):
    with pytest.raises(DgopsError, match="out of memory at step 3") as caught:
        train(made, monkeypatch, die=3, say="torch.OutOfMemoryError: CUDA out of memory")
    assert "to lower" in caught.value.hint


def test_killed_from_outside_it_speaks_of_memory(made, monkeypatch):
    """The kernel's own killer leaves no word behind: 137, and a log that ends in the middle."""
    with pytest.raises(
        DgopsError, match=r"killed \(SIGKILL\), perhaps out of memory at step 7 of 20; .* step 5"
    ) as caught:
        train(made, monkeypatch, kill=7)
    assert "blocks_to_swap" in caught.value.hint


@pytest.mark.parametrize("samples", [False, True])
def test_samples_that_are_missing_are_told(made, monkeypatch, samples):
    said = []
    train(made, monkeypatch, said.append, samples=samples)
    assert any(one.startswith("no sample was written") for one in said) != samples


def test_what_cannot_be_gathered_on_the_way_ends_no_training(made, monkeypatch):
    """A volume that is full for a moment: it is gathered at the end."""
    from dgops.training import results

    real, failed = results.gather, []

    def gather(output, found):
        if not failed:
            failed.append(True)
            raise OSError(28, "No space left on device")
        return real(output, found)

    monkeypatch.setattr(results, "gather", gather)
    assert train(made, monkeypatch)["training"]["steps"] == 20
    assert failed
    assert (Path(made.output) / "results/a.safetensors").is_file()


def test_done_without_its_file_is_not_done(made, monkeypatch):
    with pytest.raises(DgopsError, match=r"a\.safetensors is not there"):
        train(made, monkeypatch, lie=True)


def test_production_without_a_gpu_is_refused_before_anything(made):
    with pytest.raises(DgopsError, match="FATAL: no GPU"):
        run.train(made, Path(made.output).parent, "production", Teller(), lambda _line: None)
    assert not Path(made.output).exists()


def test_an_order_there_and_back(made, tmp_path):
    path = tmp_path / "training.json"
    path.write_text(json.dumps(order.to_json(made)))
    assert order.read(path) == made
    assert order.read(path).run == made.run


@pytest.mark.parametrize(("took", "looks"), [(0.001, [0, 2, 4, 6, 8, 10]), (0.05, [0, 6]), (10.0, [0])])
def test_looking_for_new_files_costs_a_hundredth_of_the_time(took, looks):
    now, seen = [0.0], []

    def look():
        seen.append(round(now[0]))
        now[0] += took

    spared = run._spared(look, lambda: now[0])
    for second in range(11):
        now[0] = max(now[0], float(second))
        spared()
    assert seen == looks


def test_a_look_that_took_very_long_is_made_again_within_a_minute():
    now, seen = [0.0], []

    def look():
        seen.append(now[0])
        now[0] += 100.0

    spared = run._spared(look, lambda: now[0])
    for _ in range(2):
        spared()
        now[0] += 61.0
    assert seen == [0.0, 161.0]
