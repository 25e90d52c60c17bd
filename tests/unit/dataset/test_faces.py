"""One face, none, two; and a crop that lies inside."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from dgops.dataset import faces

ASTRONAUT = Path(__file__).parents[2] / "cases/dataset/astronaut.jpg"
FACE = (176, 66, 98, 98)


@pytest.fixture
def portrait():
    return Image.open(ASTRONAUT).convert("RGB")


def near(box, expected=FACE):
    return all(abs(one - other) < 25 for one, other in zip(box, expected, strict=True))


def test_the_face_of_a_portrait(portrait):
    found = faces.find(np.asarray(portrait))
    assert len(found) == 1
    assert near(found[0])


def test_a_large_picture_is_searched_small_and_answered_large(portrait):
    found = faces.find(np.asarray(portrait.resize((2048, 2048))))
    assert near([side / 4 for side in found[0]])


def test_no_face_in_a_field_of_noise():
    assert faces.find(np.random.default_rng(1).integers(0, 256, (400, 400, 3), dtype=np.uint8)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (20, 20)])
def test_pictures_too_small_for_a_face(size):
    assert faces.find(np.zeros((*size, 3), dtype=np.uint8)) == []


def test_two_people_are_comparable_and_a_speck_is_not(portrait):
    pair = Image.new("RGB", (1024, 512))
    pair.paste(portrait, (0, 0))
    pair.paste(ImageOps.mirror(portrait), (512, 0))
    assert len(faces.comparable(faces.find(np.asarray(pair)))) == 2
    assert faces.comparable([(0, 0, 100, 100), (200, 0, 59, 59)]) == [(0, 0, 100, 100)]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((400, 300, 100, 100), (310, 227, 280, 280)),
        ((0, 0, 100, 100), (0, 0, 280, 280)),
        ((900, 500, 100, 100), (720, 320, 280, 280)),
        ((100, 0, 500, 500), (50, 0, 600, 600)),
    ],
)
def test_head_and_shoulders_lie_inside(box, expected):
    assert faces.head_and_shoulders(box, 1000, 600) == expected


def test_a_whole_head_lies_inside():
    assert faces.whole_head((10, 10, 100, 100), 120, 120) == (0, 0, 120, 120)
    assert faces.whole_head((400, 300, 100, 100), 1000, 600) == (370, 240, 160, 190)
