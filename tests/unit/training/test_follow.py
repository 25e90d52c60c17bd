"""How far a training is: told by its pace, and never ended by a file that cannot be written."""

import contextlib
import json
import os

import pytest

from dgops.training import follow
from dgops.training.follow import AnewError, Follow, NotANumberError, clock, cut
from dgops.training.teller import Teller
from dgops.training.trainer import get
from dgops.training.values import Plan, Step

BAR = "amira: {:3}%|#         | {}/20 [00:01<00:09,  9.00it/s, lr: 1.0e-04 loss: {}]"


@pytest.fixture
def events(tmp_path, monkeypatch):
    """Return what was told so far."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    monkeypatch.setenv("DGOPS_EVENTS_FD", str(writing))
    kept = []

    def told():
        with contextlib.suppress(BlockingIOError):
            kept.extend(json.loads(line) for line in os.read(reading, 1 << 20).splitlines())
        return kept

    yield told
    os.close(reading)
    os.close(writing)


def following(output, begin=0, bar_begins=0, trainer="ai-toolkit"):
    step = Step("train", ("x",), trains=True, begin=bar_begins)
    return Follow(get(trainer), Plan({}, (step,), 20, 4, "a.safetensors", begin), step, output, Teller())


def see(found, *steps, loss="5.0e-01"):
    for step in steps:
        found.saw(BAR.format(step, step, loss))


def test_the_same_state_twice_is_one_step(tmp_path):
    found = following(tmp_path)
    see(found, 1, 1, 2, 2, 3)
    assert [json.loads(line)["step"] for line in found.metrics.read_text().splitlines()] == [1, 2, 3]


def test_a_bar_that_counts_the_rest_is_added_to_where_it_began(tmp_path):
    found = following(tmp_path, begin=12, bar_begins=12, trainer="musubi")
    found.saw("steps:  12%|#         | 1/8 [00:01<00:07,  1.00it/s, avr_loss=0.5]")
    assert (found.at, found.epoch()) == (13, 3)


@pytest.mark.parametrize("first", [0, 1, 11])
def test_a_resumed_run_that_begins_anew_is_ended_at_its_first_step(tmp_path, first):
    """ai-toolkit has restarted at 0 in spite of its checkpoints, and would train all of it again unseen."""
    with pytest.raises(AnewError, match=f"anew at step {first}, and was to go on from step 12"):
        see(following(tmp_path, begin=12), first)


def test_a_resumed_run_that_goes_on_is_left_alone(tmp_path):
    found = following(tmp_path, begin=12)
    see(found, 12, 12, 13)
    # Its bar is drawn again at a lower number by nobody; a stray one is no new beginning.
    see(found, 3)
    assert found.at == 13


@pytest.mark.parametrize(
    ("trainer", "line", "memory"),
    [
        ("ai-toolkit", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", True),
        (
            "ai-toolkit",
            "RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
            False,
        ),
        ("tiny", "RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes", True),
        ("tiny", "killed", False),
    ],
)
def test_which_words_are_a_want_of_memory_that_lowering_helps(tmp_path, trainer, line, memory):
    found = following(tmp_path, trainer=trainer)
    found.saw(line)
    assert found.memory == memory


@pytest.mark.parametrize("loss", ["nan", "inf"])
def test_a_loss_that_is_no_number_names_its_step(tmp_path, loss):
    found = following(tmp_path)
    see(found, 1, 2)
    with pytest.raises(NotANumberError, match=f"the loss is {loss} at step 3") as caught:
        see(found, 3, loss=loss)
    assert caught.value.good == 2


def test_metrics_that_cannot_be_written_end_no_training_and_are_told_once(tmp_path, events):
    found = following(tmp_path)
    found.metrics.mkdir()
    see(found, 1, 2, 3)
    assert found.at == 3
    warnings = [one for one in events() if one["event"] == "training.warning"]
    assert [one["level"] for one in warnings] == ["warning"]
    assert "metrics.jsonl cannot be written" in warnings[0]["msg"]


def test_steps_are_told_at_a_pace_and_the_last_in_any_case(tmp_path, events, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(follow.time, "monotonic", lambda: now[0])
    found = following(tmp_path)
    for step in range(1, 21):
        now[0] += 0.125
        see(found, step)
    told = [one["fields"]["step"] for one in events()]
    assert told == [1, 5, 9, 13, 17, 20]
    last = events()[-1]["fields"]
    assert (last["total"], last["epoch"], last["loss"], last["lr"], last["eta"]) == (20, 4, 0.5, 0.0001, [0.0, 0.0])
    assert last["rate"] == pytest.approx(8.0)


def test_the_time_that_is_left_is_a_range(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(follow.time, "monotonic", lambda: now[0])
    found = following(tmp_path)
    see(found, 0)
    for step, pause in enumerate((1.0, 1.0, 1.0, 1.0, 6.0), 1):
        now[0] += pause
        see(found, step)
    quick, slow = found.eta()
    # Fifteen are left: at the usual pace, and with a pause for samples now and then.
    assert (quick, slow) == (pytest.approx(15.0), pytest.approx(30.0))
    assert "ETA 0:15–0:30" in found.words()


@pytest.mark.parametrize("bar", [0, 1])
def test_what_comes_before_the_bar_is_no_pace(tmp_path, monkeypatch, bar):
    now = [100.0]
    monkeypatch.setattr(follow.time, "monotonic", lambda: now[0])
    found = following(tmp_path)
    now[0] += 54.0
    see(found, bar)
    assert (found.eta(), found.fields()["rate"]) == (None, None)
    now[0] += 2.0
    see(found, bar + 1)
    assert found.eta() == (pytest.approx(2.0 * (19 - bar)),) * 2


@pytest.mark.parametrize(
    "line",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
        "CUDA_ERROR_OUT_OF_MEMORY",
        "x OutOfMemoryError",
    ],
)
def test_out_of_memory_is_seen_in_any_program(tmp_path, line):
    step = Step("cache latents", ("x",))
    found = Follow(get("musubi"), Plan({}, (step,), 20, 4, "a"), step, tmp_path, Teller())
    found.saw(line)
    assert found.memory


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (187.4, "3:07"), (7387, "2:03:07")])
def test_clock(seconds, words):
    assert clock(seconds) == words


def test_what_comes_again_is_cut_and_half_a_line_with_it(tmp_path):
    path = tmp_path / "metrics.jsonl"
    cut(path, 5)
    assert not path.exists()
    path.write_text('{"step": 4}\n{"step": 5}\n{"step": 6}\nnull\n{"step": 7, "lo')
    cut(path, 5)
    assert path.read_text() == '{"step": 4}\n{"step": 5}\n'
