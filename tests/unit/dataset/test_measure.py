"""Sharpness and likeness mean the same at every size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from dgops.dataset import measure
from dgops.dataset.stages.validate import LIMITS

ASTRONAUT = Path(__file__).parents[2] / "cases/dataset/astronaut.jpg"


@pytest.fixture
def portrait():
    return Image.open(ASTRONAUT).convert("RGB")


def sharpness(image):
    return measure.sharpness(measure.grey(np.asarray(image)))


def hashed(image):
    return measure.perceptual_hash(measure.grey(np.asarray(image)))


def apart(one, other):
    return int(measure.distances([one, other])[0, 1])


def test_a_sharp_picture_and_its_blurred_copies(portrait):
    least = LIMITS["least_sharpness"]
    assert sharpness(portrait) > sharpness(portrait.filter(ImageFilter.GaussianBlur(1))) > least
    assert sharpness(portrait.filter(ImageFilter.GaussianBlur(2))) < least


def test_a_soft_background_is_no_fault(portrait):
    soft = portrait.filter(ImageFilter.GaussianBlur(6))
    soft.paste(portrait.crop((150, 30, 300, 200)), (150, 30))
    assert sharpness(soft) > LIMITS["least_sharpness"]
    assert sharpness(portrait.filter(ImageFilter.GaussianBlur(6))) < LIMITS["least_sharpness"]


def test_a_large_picture_is_measured_at_one_size(portrait):
    large = portrait.resize((2048, 2048), Image.Resampling.LANCZOS)
    same = portrait.resize((1024, 1024), Image.Resampling.LANCZOS)
    assert sharpness(large) == pytest.approx(sharpness(same), rel=0.35)


def test_the_hash_survives_size_and_encoding(portrait):
    assert apart(hashed(portrait), hashed(portrait.resize((1500, 1500)))) <= 4
    assert apart(hashed(portrait), hashed(ImageOps.autocontrast(portrait))) <= 8


def test_another_picture_is_far_away(portrait):
    other = Image.fromarray(np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)).resize((512, 512))
    assert apart(hashed(portrait), hashed(other)) > 16
    assert apart(hashed(portrait), hashed(ImageOps.mirror(portrait))) > 8


def test_distances_count_bits():
    assert measure.distances([0, 1, 2**64 - 1]).tolist() == [[0, 1, 64], [1, 0, 63], [64, 63, 0]]


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3, 3)])
def test_odd_pictures_have_measures(size):
    grey = measure.grey(np.zeros((*size, 3), dtype=np.uint8))
    assert measure.sharpness(grey) == 0
    assert measure.perceptual_hash(grey) in range(2**64)
