"""The trigger word first, whatever the crop."""

from pathlib import Path

import pytest

from dgops.dataset.captioners import captioner
from dgops.dataset.options import CAPTIONERS, CROPS


def test_every_captioner_that_may_be_asked_for_is_known():
    assert tuple(captioner.CAPTIONERS) == CAPTIONERS


@pytest.mark.parametrize("crop", CROPS)
def test_one_line_with_the_trigger_word_first(options, crop):
    found = captioner.load(options(crop=crop)).captions([Path("a"), Path("b")])
    assert len(found) == 2
    assert all(caption.startswith("amiranoor, ") and "\n" not in caption for caption in found)


def test_a_face_crop_says_what_it_shows(options):
    assert "head and shoulders" in captioner.load(options(crop="face")).captions([Path("a")])[0]
