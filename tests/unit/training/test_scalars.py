"""Event files: one that TensorBoard's own writer wrote, cut off at every byte, and rubbish."""

import math
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.training.scalars import read

# Written by torch.utils.tensorboard: five steps of four scalars, a loss that is no number, then a text, no scalar.
REAL = (Path(__file__).parents[2] / "cases/training/events.out.tfevents.kohya").read_bytes()


def test_a_real_file():
    found, end = read(REAL)
    assert end == len(REAL)
    assert [(one.tag, one.step) for one in found[:4]] == [
        ("loss/current", 1),
        ("loss/average", 1),
        ("lr/unet", 1),
        ("lr/d*lr/unet", 1),
    ]
    assert [one.value for one in found if one.tag == "loss/current"][:4] == [0.5, 0.25, 0.1666666716337204, 0.125]
    assert math.isnan(found[-1].value)
    assert len(found) == 21


def test_a_file_that_grows():
    """What is read in two goes, parted anywhere, is what is read at once."""
    whole = read(REAL)[0]
    for cut in range(len(REAL)):
        first, at = read(REAL[:cut])
        rest, end = read(REAL[at:])
        assert repr(first + rest) == repr(whole)
        assert at + end == len(REAL)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(REAL) - 1), st.integers(0, 255))
def test_rubbish(data, at, byte):
    assert read(data)[1] <= len(data)
    damaged = bytearray(REAL)
    damaged[at] = byte
    assert read(bytes(damaged))[1] <= len(REAL)
