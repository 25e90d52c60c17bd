"""Bars: nothing that a program prints breaks their reader, and nothing makes it slow."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.training.bars import LONGEST, bars

PIECES = [
    "steps:",
    " 3%|",
    "█",
    "|",
    " 1/2",
    "[00:01<",
    "?",
    "0:01",
    ", ",
    "5.0it/s",
    "avr_loss=",
    "nan",
    "]",
    "\x1b[A",
]


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
def test_rubbish(text):
    for bar in bars(text):
        assert bar.step >= 0
        assert bar.rate is None or bar.rate >= 0


def test_a_line_without_end():
    for piece in ("1%|", "9", " ", "steps:   0%|", "a=", "1%||1/2 [0:0<?, ?it/s, "):
        assert len(bars(piece * 1_000_000)) <= LONGEST


def test_digits_that_no_number_holds():
    assert bars("steps: 1%|x| " + "9" * 5000 + "/1 [0:0<?, ?it/s]") == []


def test_digits_of_another_script():
    assert bars("steps: ١%|x| ١/٢ [0:0<?, ?it/s]") == []
