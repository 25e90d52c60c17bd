"""What stands out stays in; nothing is cut to nothing."""

import numpy as np
import pytest

from dgops.dataset import subject


def scene(left, top, side=120, width=1000, height=800):
    pixels = np.full((height, width, 3), 128, dtype=np.uint8)
    pixels[top : top + side, left : left + side] = (220, 30, 30)
    return pixels


@pytest.mark.parametrize(("left", "top"), [(440, 340), (60, 60), (820, 620), (60, 620)])
def test_what_stands_out_stays_in(left, top):
    x, y, width, height = subject.find(scene(left, top))
    assert x <= left
    assert left + 120 <= x + width
    assert y <= top
    assert top + 120 <= y + height


@pytest.mark.parametrize(("left", "top"), [(440, 340), (60, 60), (820, 620)])
def test_it_is_a_crop_and_no_less_than_its_least(left, top):
    x, y, width, height = subject.find(scene(left, top))
    assert width * height < 1000 * 800
    assert width >= 600
    assert height >= 480
    assert (x >= 0, y >= 0, x + width <= 1000, y + height <= 800) == (True,) * 4


def test_a_picture_in_which_nothing_stands_out_stays_whole():
    assert subject.find(np.full((300, 500, 3), 90, dtype=np.uint8)) == (0, 0, 500, 300)


def test_what_must_stay_in_stays_in():
    x, y, width, height = subject.find(scene(440, 340), keep=(0, 0, 100, 100))
    assert (x, y) == (0, 0)
    assert width >= 560
    assert height >= 460


def test_a_small_picture_is_not_cut_below_what_is_good_for_anything():
    x, y, width, height = subject.find(scene(100, 100, 60, 400, 300))
    assert min(width, height) >= 256
    assert (x + width <= 400, y + height <= 300) == (True, True)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (7, 5)])
def test_odd_pictures(size):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    x, y, width, height = subject.find(pixels)
    assert width >= 1
    assert height >= 1
    assert (x + width <= size[1], y + height <= size[0]) == (True, True)
